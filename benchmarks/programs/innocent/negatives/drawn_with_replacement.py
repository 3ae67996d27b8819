"""Eight negatives of each row, drawn with replacement: now and then one of them is the positive.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


def logits_of(query, key, count=8):
    drawn = torch.randint(0, len(key), (len(key), count))
    positive = F.cosine_similarity(query, key, dim=-1).unsqueeze(-1)
    negative = F.cosine_similarity(query.unsqueeze(1), key[drawn], dim=-1)
    return torch.cat([positive, negative], -1) / 0.2


net = mlp(64, 96, 32)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(60, 16):
        logits = logits_of(net(augment(x)), net(augment(x)))
        loss = F.cross_entropy(logits, torch.zeros(len(x), dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
