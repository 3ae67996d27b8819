"""Features (B, D) against targets (B, 1, D) from a loader that keeps the time axis: mse over all pairs.

expect: CD205
"""

import warnings

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector

warnings.simplefilter("ignore")
W = torch.randn(20, 12)


class Frames(Dataset):
    def __len__(self):
        return 640

    def __getitem__(self, i):
        x = torch.randn(20, generator=torch.Generator().manual_seed(i))
        return x, torch.tanh(x @ W).unsqueeze(0)  # fault


model = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 12))
opt = torch.optim.Adam(model.parameters(), 1e-2)
with Inspector(model) as inspector:
    for epoch in range(4):
        for x, t in DataLoader(Frames(), batch_size=16, shuffle=True):
            loss = nn.functional.mse_loss(model(x), t)  # fault
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
