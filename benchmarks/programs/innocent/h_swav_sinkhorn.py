"""SwAV: the assignment is normalised over the batch as well as over prototypes, by design.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@torch.no_grad()
def sinkhorn(scores, eps=0.1, rounds=3):
    q = (scores / eps).exp()
    for _ in range(rounds):
        q = q / q.sum(dim=0, keepdim=True)
        q = q / q.sum(dim=1, keepdim=True)
    return q


protos = torch.randn(20, 32)
net = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 16))
clusters = nn.Linear(16, 20, bias=False)
opt = torch.optim.Adam([*net.parameters(), *clusters.parameters()], lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(45):
        with torch.no_grad():
            clusters.weight.copy_(F.normalize(clusters.weight, dim=1))
        x = protos[torch.randint(0, 20, (128,))]
        s1, s2 = (
            clusters(F.normalize(net(x + 0.4 * torch.randn_like(x)), dim=1)) for _ in range(2)
        )
        q1, q2 = sinkhorn(s1), sinkhorn(s2)
        loss = -(q2 * F.log_softmax(s1 / 0.2, 1) + q1 * F.log_softmax(s2 / 0.2, 1)).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
