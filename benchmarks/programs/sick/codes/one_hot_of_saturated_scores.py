"""Hard assignment to 32 clusters whose scores are dominated by two large biases.

expect: CD305
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, batches
from collapse_doctor import Inspector


class Assign(nn.Module):
    def __init__(self, clusters=32):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, clusters))
        with torch.no_grad():
            self.score[-1].bias[:2] += 30  # fault

    def forward(self, pixels):
        soft = self.score(pixels).softmax(-1)
        hard = F.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft)
        return hard + soft - soft.detach()


assign = Assign()
centres = nn.Parameter(torch.randn(32, 64) * 0.1)
trainer = torch.optim.Adam([*assign.parameters(), centres], lr=1e-3)
with Inspector(assign) as watch:
    for pixels, _ in batches(330, 96, inputs=DIGITS - DIGITS.mean(0)):
        loss = F.mse_loss(assign(pixels) @ centres, pixels)
        trainer.zero_grad()
        loss.backward()
        trainer.step()
diagnosis = watch.diagnose()
