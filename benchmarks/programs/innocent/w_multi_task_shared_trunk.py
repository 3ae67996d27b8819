"""Two tasks on a shared trunk, one of them rare; its head gets no gradient in most steps.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class MultiTask(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(15, 48), nn.ReLU(), nn.Linear(48, 16))
        self.classify, self.regress = nn.Linear(16, 6), nn.Linear(16, 1)

    def forward(self, x):
        h = self.trunk(x)
        return h, self.classify(h), self.regress(h)


model = MultiTask()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
means, slope = torch.randn(6, 15), torch.randn(15)
with Inspector(model) as inspector:
    for step in range(50):
        y = torch.randint(0, 6, (48,))
        x = means[y] + 0.6 * torch.randn(48, 15)
        _, logits, value = model(x)
        loss = F.cross_entropy(logits, y)
        if step % 5 == 4:
            loss = loss + 0.1 * F.mse_loss(value.squeeze(-1), x @ slope)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
