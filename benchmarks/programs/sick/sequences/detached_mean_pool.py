"""Tokens are pooled by their mean; the target is a detached clone of the pool.

expect: CD103
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2)
optimizer = torch.optim.Adam(enc.parameters())
with Inspector(enc) as inspector:
    for _ in range(12):
        h = enc(torch.randn(16, 10, 16)).mean(dim=1)
        t = h.detach().clone()  # fault
        loss = 1 - F.cosine_similarity(h, t).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
