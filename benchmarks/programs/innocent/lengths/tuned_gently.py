"""A trained network goes on with a tiny learning rate, its gradients accumulated.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def contrast(net, x):
    a, b = F.normalize(net(augment(x))), F.normalize(net(augment(x)))
    return F.cross_entropy(a @ b.T / 0.2, torch.arange(len(x)))


net = Encoder()
opt = torch.optim.Adam(net.parameters(), 1e-3)
for x, _ in batches(300, 64):
    opt.zero_grad()
    contrast(net, x).backward()
    opt.step()

opt = torch.optim.AdamW(net.parameters(), 1e-6)
with Inspector(net) as inspector:
    for i, (x, _) in enumerate(batches(1200, 32)):
        (contrast(net, x) / 4).backward()
        if i % 4 == 3:
            opt.step()
            opt.zero_grad()
diagnosis = inspector.diagnose()
