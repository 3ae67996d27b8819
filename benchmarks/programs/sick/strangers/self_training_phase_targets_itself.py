"""After the supervised phase the "pseudo target" is the detached embedding of the very same forward pass.

expect: CD103
first: 25
"""

import torch
import torch.nn.functional as F
from torch import nn, optim

from collapse_doctor import Inspector

torch.manual_seed(5)
STATIONS, HOURS, CODE = 9, 24, 16
SUPERVISED_STEPS, TOTAL_STEPS = 25, 50

regimes = torch.randn(10, STATIONS, HOURS).cumsum(-1) / 4  # ten weather regimes
anchors = torch.randn(10, CODE)  # a description vector of each, given


def weather(batch):
    regime = torch.randint(0, 10, (batch,))
    return regimes[regime] + 0.4 * torch.randn(batch, STATIONS, HOURS), anchors[regime]


class DilatedNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv1d(STATIONS if i == 0 else 32, 32, 3, padding=2**i, dilation=2**i)
            for i in range(3)
        )
        self.readout = nn.Linear(32 * 2, CODE)

    def forward(self, x):
        for conv in self.layers:
            x = F.elu(conv(x))
        return self.readout(torch.cat([x.mean(-1), x[..., -1]], dim=-1))


def pseudo_target(code):
    return code.detach()  # fault


def phases(model):
    for step in range(TOTAL_STEPS):
        x, description = weather(60)
        noisy = x + 0.2 * torch.randn_like(x)
        code = model(noisy)
        if step < SUPERVISED_STEPS:
            yield "supervised", code, description
        else:
            yield "self-training", code, pseudo_target(code)


model = DilatedNet()
optimizer = optim.NAdam(model.parameters(), lr=4e-3)

with Inspector(model) as inspector:
    for i, (phase, code, target) in enumerate(phases(model)):
        loss = F.smooth_l1_loss(code, target)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i % 8 == 0:
            print(i, phase, loss.item())

diagnosis = inspector.diagnose()
