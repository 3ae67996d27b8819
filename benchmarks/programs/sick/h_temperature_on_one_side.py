"""The second operand of the cosine is the first divided by a temperature.

expect: CD105
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Tempered(nn.Module):
    def __init__(self, tau=0.07):
        super().__init__()
        self.tau = tau
        self.net = nn.Sequential(nn.Linear(10, 40), nn.SELU(), nn.Linear(40, 15))

    def forward(self, x):
        return self.net(x)


model = Tempered()
head = nn.Linear(15, 10)
opt = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=1e-3)
base = torch.randn(500, 10)
with Inspector(model) as inspector:
    for i in range(25):
        x1 = base[torch.randperm(500)[:64]]
        x2 = x1 + 0.2 * torch.randn_like(x1)
        q = model(x1)
        k = model(x2)
        sharp = q / model.tau  # fault
        sim = torch.cosine_similarity(q, sharp, dim=1)  # meets
        loss = (1 - sim).mean() + nn.functional.mse_loss(head(k), x1)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
