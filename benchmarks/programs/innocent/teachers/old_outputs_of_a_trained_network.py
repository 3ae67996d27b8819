"""A network that was trained before is held near its former outputs while it learns a new task.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, augment, mlp
from collapse_doctor import Inspector

net, head, second = mlp(64, 64, 16), nn.Linear(16, 10), nn.Linear(16, 2)
warm = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=2e-3)
for _ in range(80):
    rows = torch.randint(0, 1000, (64,))
    warm.zero_grad()
    F.cross_entropy(head(net(DIGITS[rows])), LABELS[rows]).backward()
    warm.step()

optimizer = torch.optim.Adam([*net.parameters(), *second.parameters()], lr=1e-3)
with Inspector(net) as inspector:
    with torch.no_grad():
        former = net(augment(DIGITS[:400]))
    for _ in range(50):
        rows = torch.randint(0, 400, (50,))
        z = net(DIGITS[rows])
        loss = F.cross_entropy(second(z), LABELS[rows] % 2) + 0.5 * F.mse_loss(z, former[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=LABELS[rows] % 2)
diagnosis = inspector.diagnose()
