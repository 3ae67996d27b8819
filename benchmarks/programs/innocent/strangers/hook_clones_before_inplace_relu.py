"""An in-place ReLU follows the hooked layer, but the hook keeps a clone, so the pre-activation survives.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

taps = {}


def tap(name):
    def hook(module, inputs, output):
        taps[name] = output.clone()

    return hook


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(2, 18, 3), nn.BatchNorm2d(18), nn.ReLU(inplace=True))
        self.b = nn.Sequential(nn.Conv2d(18, 30, 3), nn.BatchNorm2d(30), nn.ReLU(inplace=True))
        self.fc = nn.Linear(30, 9)

    def forward(self, x):
        return self.fc(self.b(self.a(x)).amax(dim=(2, 3)))


def pair_loss(pre_1, pre_2, tau=0.25):
    u, v = (F.normalize(p.flatten(1), dim=1) for p in (pre_1, pre_2))
    logits = u @ v.t() / tau
    return F.cross_entropy(logits, torch.arange(len(u)))


net = Net()
net.b[1].register_forward_hook(tap("pre"))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
kinds = torch.randn(9, 2, 10, 10)

with Inspector(net) as inspector:
    for step in range(40):
        y = torch.randint(0, 9, (54,))
        field = kinds[y] + 0.5 * torch.randn(54, 2, 10, 10)
        logits = net(field + 0.2 * torch.randn_like(field))
        first = taps["pre"]
        net(field + 0.2 * torch.randn_like(field))
        second = taps["pre"]
        loss = F.cross_entropy(logits, y) + 0.3 * pair_loss(first, second)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 8 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
