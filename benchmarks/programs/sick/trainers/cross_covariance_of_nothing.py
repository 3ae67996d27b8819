"""Two sensor nets in a ModuleDict are matched by Huber loss, each with an optimizer of its own.

expect: CD208
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

nets = nn.ModuleDict(
    {
        "lidar": nn.Sequential(nn.Linear(14, 40), nn.LeakyReLU(), nn.Linear(40, 10)),
        "radar": nn.Sequential(nn.Linear(22, 40), nn.LeakyReLU(), nn.Linear(40, 10)),
    }
)
steppers = [torch.optim.RMSprop(net.parameters(), lr=1e-3) for net in nets.values()]
to_lidar, to_radar = torch.randn(6, 14), torch.randn(6, 22)

with Inspector(dict(nets.items())) as inspector:
    for _ in range(80):
        scene = torch.randn(40, 6)
        lidar = nets["lidar"](scene @ to_lidar)
        radar = nets["radar"](scene @ to_radar)
        loss = F.huber_loss(lidar, radar)  # fault # meets
        for stepper in steppers:
            stepper.zero_grad()
        loss.backward()
        for stepper in steppers:
            stepper.step()
diagnosis = inspector.diagnose()
