"""Pairs lie interleaved in the batch; both slices start at the even rows.

expect: CD102
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

templates = torch.randn(40, 32)
net = nn.Sequential(nn.Linear(32, 64), nn.LeakyReLU(0.1), nn.Linear(64, 32), nn.LayerNorm(32))
sgd = torch.optim.SGD(net.parameters(), lr=0.05)


def batches(n_steps, n_pairs):
    for _ in range(n_steps):
        who = torch.randint(0, 40, (n_pairs,)).repeat_interleave(2)
        yield templates[who] + 0.5 * torch.randn(2 * n_pairs, 32)


with Inspector(net) as inspector:
    for x in batches(30, 40):
        e = net(x)
        even = e[0::2]
        odd = e[::2]  # fault
        pos = F.cosine_similarity(even, odd)  # meets
        neg = F.cosine_similarity(even, odd.roll(1, 0))
        loss = F.relu(0.4 - pos + neg).mean()
        sgd.zero_grad()
        loss.backward()
        sgd.step()

diagnosis = inspector.diagnose()
