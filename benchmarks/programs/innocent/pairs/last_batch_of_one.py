"""All pairs by cosine; the last batch of each epoch has one row.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

x0, y0 = DIGITS[:129], LABELS[:129]
model = mlp(64, 64, 32)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for ep in range(10):
        p = torch.randperm(129)
        for idx in p.split(32):
            z = model(x0[idx])
            s = F.cosine_similarity(z.unsqueeze(1), z.unsqueeze(0), dim=-1)
            same = (y0[idx][:, None] == y0[idx][None]).float()
            loss = (same * (1 - s) + (1 - same) * F.relu(s - 0.2)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss, labels=y0[idx])
diagnosis = inspector.diagnose()
