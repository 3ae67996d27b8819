"""The first token is the embedding; its clone is the target of the next step.

expect: CD106
first: 1
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 1)
optimizer = torch.optim.AdamW(enc.parameters())
prev = None
with Inspector(enc) as inspector:
    for _ in range(12):
        z = enc(torch.randn(16, 9, 32))[:, 0]
        loss = 1 - F.cosine_similarity(z, prev).mean() if prev is not None else z.var()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        prev = z.detach().clone()  # fault
diagnosis = inspector.diagnose()
