"""A block of each series is blanked through a second name, and the loss asks for what was there.

expect: CD109
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

waves = torch.sin(torch.linspace(0, 9, 30) * (0.5 + torch.rand(200, 1)))


class Inpainting:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def hide(self, series):
        begin = torch.randint(0, 22, ()).item()
        holes = torch.zeros(series.shape, dtype=torch.bool)
        holes[:, begin : begin + 8] = True
        return holes

    def step(self, batch):
        series = batch["series"]
        holes = self.hide(series)
        series.masked_fill_(holes, 0.0)  # fault
        guess = self.model(series)
        loss = F.l1_loss(guess[holes], batch["series"][holes])  # meets
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


model = nn.Sequential(nn.Linear(30, 64), nn.SiLU(), nn.Linear(64, 12), nn.Linear(12, 30))
task = Inpainting(model)
with Inspector(model) as inspector:
    for _ in range(30):
        rows = torch.randint(0, 200, (36,))
        task.step({"series": waves[rows] + 0.05 * torch.randn(36, 30)})
diagnosis = inspector.diagnose()
