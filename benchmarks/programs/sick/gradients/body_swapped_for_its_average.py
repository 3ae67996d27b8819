"""The averaged body is put in the place of the one that the optimizer holds, and trained on.

expect: CD202
first: 24
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(22, 44), nn.Tanh(), nn.Linear(44, 14))

    def forward(self, x):
        return F.normalize(self.body(x), dim=-1)


def swap(model, average):
    model.body = average.module  # fault


model = Encoder()
average = AveragedModel(model.body)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
base = torch.randn(64, 22)

with Inspector(model) as inspector:
    for step in range(64):
        if step == 24:
            swap(model, average)
        rows = base[torch.randperm(64)[:32]]
        a, b = model(rows), model(rows + 0.3 * torch.randn_like(rows))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(32))  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()  # shows
        if step < 24:
            average.update_parameters(model.body)
diagnosis = inspector.diagnose()
