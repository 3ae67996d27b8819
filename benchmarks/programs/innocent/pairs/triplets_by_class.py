"""Triplets drawn by class.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import DIGITS, LABELS, Encoder
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
criterion = nn.TripletMarginLoss(0.5)
byc = [DIGITS[LABELS == c] for c in range(10)]


def trip(n=32):
    c = torch.randint(0, 10, (n,))
    d = (c + torch.randint(1, 10, (n,))) % 10
    g = lambda k: torch.stack([byc[i][torch.randint(0, len(byc[i]), (1,))[0]] for i in k])
    return g(c), g(c), g(d)


with Inspector(model) as inspector:
    for _ in range(150):
        a, p, n = trip()
        loss = criterion(model(a), model(p), model(n))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
