"""A Dataset whose item is one augmented series, returned as both views.

expect: CD107
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class TwoCrops(Dataset):
    def __init__(self, n=240, length=48):
        t = torch.linspace(0, 6.28, length)
        f = torch.rand(n, 1) * 6 + 1
        self.series = torch.sin(f * t) + 0.5 * torch.sin(torch.rand(n, 1) * 12 * t)

    def __len__(self):
        return len(self.series)

    def crop(self, s):
        start = int(torch.randint(0, 16, ()))
        return s[start : start + 32] + 0.1 * torch.randn(32)

    def __getitem__(self, i):
        view = self.crop(self.series[i])
        return view, view  # fault


class SeriesEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(1, 16, 7, padding=3),
            nn.ReLU(),
            nn.Conv1d(16, 32, 5, stride=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(2),
            nn.Flatten(),
            nn.Linear(64, 24),
        )

    def forward(self, x):
        return self.net(x.unsqueeze(1))


enc = SeriesEncoder()
opt = torch.optim.AdamW(enc.parameters(), lr=1e-3)
with Inspector(enc) as inspector:
    for epoch in range(5):
        for v1, v2 in DataLoader(TwoCrops(), batch_size=48, shuffle=True):
            a = nn.functional.normalize(enc(v1), dim=-1)
            b = nn.functional.normalize(enc(v2), dim=-1)  # shows
            loss = nn.functional.cross_entropy(a @ b.T / 0.2, torch.arange(len(a)))  # meets
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
