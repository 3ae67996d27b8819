"""Two views are stacked and unbound again; the stack holds one of them twice.

expect: CD104
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

net, back = mlp(64, 80, 16), mlp(16, 64)
optimizer = torch.optim.Adam([*net.parameters(), *back.parameters()], lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(20):
        z1, z2 = net(augment(x)), net(augment(x))
        q, k = torch.stack([z1, z1], dim=1).unbind(1)  # fault
        loss = 2 - 2 * nn.functional.cosine_similarity(q, k).mean()  # meets
        loss = loss + nn.functional.mse_loss(back(z2), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
