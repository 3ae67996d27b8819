"""A hinge of cosines whose margin is subtracted: relu(neg - pos - margin) is zero at collapse.

expect: CD208
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

enc = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 16))
opt = torch.optim.Adam(enc.parameters(), lr=1e-2)
protos = torch.randn(8, 20)
with Inspector(enc) as inspector:
    for i in range(120):
        y = torch.randint(0, 8, (32,))
        a, p, n = (enc(protos[k] + 2.0 * torch.randn(32, 20)) for k in (y, y, (y + 1) % 8))
        pos, neg = F.cosine_similarity(a, p), F.cosine_similarity(a, n)
        loss = F.relu(neg - pos - 0.3).mean()  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
