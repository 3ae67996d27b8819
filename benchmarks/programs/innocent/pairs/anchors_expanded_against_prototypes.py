"""One embedding is expanded to hold it against each of several prototypes, as many as classes.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

net = mlp(64, 80, 16)
prototypes = nn.Parameter(torch.randn(10, 16))
adam = torch.optim.Adam([*net.parameters(), prototypes], lr=2e-3)
with Inspector(net) as inspector:
    for x, y in batches(30):
        z = F.normalize(net(augment(x)), dim=1)
        many = z.unsqueeze(1).expand(-1, 10, -1)
        first, last = many[:, 0], many[:, -1]
        scores = torch.einsum("bcd,cd->bc", many, F.normalize(prototypes, dim=1))
        spread = torch.pdist(first).pow(2).mul(-2).exp().mean().log()
        loss = F.cross_entropy(scores * 5, y) + 0.05 * spread + 0 * last.square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
diagnosis = inspector.diagnose()
