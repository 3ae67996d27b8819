"""All tokens are compared with their clone, made without gradient.

expect: CD103
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, dropout=0.0), 1)
optimizer = torch.optim.Adam(enc.parameters())
with Inspector(enc) as inspector:
    for _ in range(8):
        h = enc(torch.randn(8, 10, 16))
        with torch.no_grad():
            g = h.clone()  # fault
        loss = (1 - F.cosine_similarity(h, g, dim=-1)).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
