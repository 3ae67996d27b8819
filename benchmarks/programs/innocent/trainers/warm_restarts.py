"""A convolutional SupCon training by SGD with warm restarts, the rate at almost zero at every end.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import normalize

from collapse_doctor import Inspector

images, target = load_digits(return_X_y=True)
images = torch.as_tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 16
target = torch.as_tensor(target)

backbone = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(32, 16),
)


def supcon(z, y, tau=0.1):
    z = normalize(z)
    sim = z @ z.T / tau
    sim = sim - sim.max(1, keepdim=True).values.detach()
    notself = ~torch.eye(len(z), dtype=torch.bool)
    logp = sim - torch.log((sim.exp() * notself).sum(1, keepdim=True))
    pos = (y[:, None] == y[None]) & notself
    return -((logp * pos).sum(1) / pos.sum(1).clamp(min=1)).mean()


sgd = torch.optim.SGD(backbone.parameters(), lr=0.05, momentum=0.9)
sched = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(sgd, T_0=40, T_mult=2, eta_min=0)
with Inspector(backbone) as inspector:
    for it in range(280):
        pick = torch.randint(0, len(images), (96,))
        loss = supcon(backbone(images[pick]), target[pick])
        sgd.zero_grad(set_to_none=False)
        loss.backward()
        sgd.step()
        sched.step()
diagnosis = inspector.diagnose()
