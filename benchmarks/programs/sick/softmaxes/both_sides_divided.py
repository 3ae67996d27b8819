"""Each tower divides its unit rows by a temperature of 30, so that cosines are divided by 900.

expect: CD207
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Tower(nn.Module):
    def __init__(self, inputs, heat):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs, 50), nn.SiLU(), nn.Linear(50, 16))
        self.register_buffer("heat", torch.tensor(heat))

    def forward(self, x):
        return self.net(x)


def loss_of(pictures, words, heat):
    left = F.normalize(pictures, dim=-1) / heat  # shows
    right = F.normalize(words, dim=-1) / heat
    table = torch.einsum("id,jd->ij", left, right)
    there = table.log_softmax(dim=1).diagonal()
    back = table.log_softmax(dim=0).diagonal()
    return -(there + back).mean() / 2


pictures, words = Tower(26, 30.0), Tower(14, 30.0)  # fault
optimizer = torch.optim.SGD([*pictures.parameters(), *words.parameters()], lr=0.1)
mix = torch.randn(14, 26)
with Inspector({"pictures": pictures, "words": words}) as inspector:
    for _ in range(60):
        w = torch.randn(48, 14)
        p = w @ mix + 0.5 * torch.randn(48, 26)
        loss = loss_of(pictures(p), words(w), pictures.heat)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
