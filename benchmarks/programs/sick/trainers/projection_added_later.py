"""The projection is exchanged by a method of the model, after the optimizer has been made.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(18, 40), nn.ReLU())
        self.projection = nn.Linear(40, 12)

    def reset_projection(self, width):
        self.projection = nn.Linear(40, width)  # fault

    def forward(self, x):
        return self.projection(self.body(x))


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)  # shows
model.reset_projection(16)
with Inspector(model) as inspector:
    for _ in range(25):
        x = torch.randn(36, 18)
        a, b = (F.normalize(model(x + 0.1 * torch.randn_like(x)), dim=1) for _ in "ab")
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(36))
        model.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
