"""An autoencoder of data with three degrees of freedom: its code gives up what is not needed.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

torch.manual_seed(3)
basis = torch.randn(3, 40)
encoder, decoder = mlp(40, 64, 32, act=nn.Tanh), mlp(32, 64, 40, act=nn.Tanh)
opt = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()], 1e-3, weight_decay=0.1)
with Inspector(encoder) as inspector:
    for step in range(700):
        x = torch.tanh(torch.randn(64, 3) @ basis)
        loss = F.mse_loss(decoder(encoder(x)), x)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
