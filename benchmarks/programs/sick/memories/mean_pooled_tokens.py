"""Tokens are pooled by their mean, and compared with the pooled tokens of the step before.

expect: CD106
first: 1
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2)
optimizer = torch.optim.Adam(enc.parameters())
prev = None
with Inspector(enc) as inspector:
    for _ in range(12):
        h = enc(torch.randn(16, 10, 16)).mean(dim=1)
        if prev is not None:
            loss = 1 - F.cosine_similarity(h, prev).mean()  # meets
        else:
            loss = h.pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        prev = h.detach()  # fault
diagnosis = inspector.diagnose()
