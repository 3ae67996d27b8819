"""A partial of the triplet loss; its positive and its negative are both the rolled embedding.

expect: CD101
"""

from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

torch.set_num_threads(1)
ranking = partial(F.triplet_margin_loss, margin=0.3, p=2, swap=False)
features = torch.randn(320, 20)
net = nn.Sequential(nn.Linear(20, 64), nn.GELU(), nn.Linear(64, 16))
head = nn.Linear(16, 20)
opt = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.05, momentum=0.9)

with Inspector(net) as inspector:
    for step in range(24):
        anchor_in = features[(step % 10) * 32 : (step % 10) * 32 + 32]
        anchor = net(anchor_in)
        near = net(anchor_in + 0.1 * torch.randn(32, 20))
        far = torch.roll(anchor, 1, 0)
        near = far  # fault
        loss = ranking(anchor, near, far)  # meets
        loss = loss + F.mse_loss(head(anchor), anchor_in)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
