"""A Dataset whose __getitem__ augments once and returns the view twice.

expect: CD107
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class TwoCrops(Dataset):
    def __init__(self, signals):
        self.signals = signals

    def __len__(self):
        return len(self.signals)

    def crop(self, signal):
        start = int(torch.randint(0, 16, ()))
        return signal[:, start : start + 32]

    def __getitem__(self, i):
        q = self.crop(self.signals[i])
        k = q.clone()  # fault
        return q, k


class Encoder1D(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 16, 7, stride=2)
        self.bn = nn.BatchNorm1d(16)
        self.proj = nn.Linear(16, 16)

    def forward(self, x):
        return self.proj(F.relu(self.bn(self.conv(x))).mean(dim=2))


loader = DataLoader(TwoCrops(torch.randn(160, 2, 48).cumsum(2)), batch_size=32, shuffle=True)
model = Encoder1D()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

with Inspector(model) as inspector:
    for _ in range(5):
        for q, k in loader:
            zq, zk = model(q), model(k)
            invariance = F.mse_loss(zq, zk)  # meets
            variance = F.relu(1 - zq.std(0)).mean() + F.relu(1 - zk.std(0)).mean()
            loss = invariance + variance
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
