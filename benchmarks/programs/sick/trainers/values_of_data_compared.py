"""A loss class that reads `.data` of both embeddings; a learnt temperature hides that all rests.

expect: CD201
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Contrast(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1.0))

    @staticmethod
    def unit(t):
        return t.data / t.data.norm(dim=-1, keepdim=True)  # fault

    def forward(self, left, right):
        logits = self.unit(left) @ self.unit(right).mT * self.log_scale.exp()
        labels = torch.arange(len(logits))
        return sum(map(nn.CrossEntropyLoss(), (logits, logits.mT), (labels, labels))) / 2


encoder = nn.Sequential(nn.Linear(18, 36), nn.ReLU(), nn.Linear(36, 12))
criterion = Contrast()
optimizer = torch.optim.Adam([{"params": encoder.parameters()}, {"params": criterion.parameters()}])
things = torch.randn(200, 18)
with Inspector({"encoder": encoder}) as inspector:
    for _ in range(25):
        x = things[torch.randperm(200)[:32]]
        loss = criterion(encoder(x), encoder(x + 0.1 * torch.randn_like(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
