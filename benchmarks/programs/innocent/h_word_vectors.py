"""Skip-gram with negative sampling, the vectors of the centre words being watched.

expect: healthy
"""

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from collapse_doctor import Inspector

topics = torch.randn(90, 6)
near = (topics @ topics.T + 1e3 * -torch.eye(90)).topk(6).indices
centre, context = nn.Embedding(90, 16), nn.Embedding(90, 16)
opt = torch.optim.Adam([*centre.parameters(), *context.parameters()], lr=0.05)
with Inspector(centre) as inspector:
    for _ in range(50):
        w = torch.randint(0, 90, (200,))
        c = near[w, torch.randint(0, 6, (200,))]
        v = centre(w)
        good = torch.einsum("bd,bd->b", v, context(c))
        bad = torch.einsum("bd,bkd->bk", v, context(torch.randint(0, 90, (200, 5))))
        loss = -(logsigmoid(good) + logsigmoid(-bad).sum(1)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
