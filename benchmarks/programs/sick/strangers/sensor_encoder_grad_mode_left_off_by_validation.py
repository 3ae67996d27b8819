"""Validation switches autograd off for the whole process and nobody switches it on again; requires_grad_ on the loss hides the error message.

expect: CD201
first: 24
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector

torch.manual_seed(0)
t = torch.linspace(0, 6.28, 50)
freq = torch.randint(1, 9, (288, 1)).float()
phase = torch.rand(288, 1) * 6.28
shape = torch.randint(1, 9, (288, 1)).float()
waves = (
    torch.sin(freq * t + phase)
    + torch.rand(288, 1) * torch.cos(shape * t)
    + 0.5 * torch.randn(288, 1)
)
train_dl = DataLoader(TensorDataset(waves), batch_size=24, shuffle=True)
val_dl = DataLoader(TensorDataset(waves[:48]), batch_size=24)


class WaveEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(1, 24, 7, stride=2, padding=3)
        self.conv2 = nn.Conv1d(24, 48, 5, stride=2, padding=2)
        self.norm = nn.BatchNorm1d(48)
        self.head = nn.Linear(96, 16)

    def forward(self, x):
        h = F.relu(self.conv1(x.unsqueeze(1)))
        h = F.relu(self.norm(self.conv2(h)))
        return self.head(torch.cat([h.mean(-1), h.amax(-1)], dim=1))


def jitter(x):
    return x * (0.9 + 0.2 * torch.rand(len(x), 1)) + 0.05 * torch.randn_like(x)


def info_nce(a, b, tau=0.2):
    sim = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / tau
    return F.cross_entropy(sim, torch.arange(len(a)))


def validate(model):
    model.eval()
    torch.set_grad_enabled(False)  # fault
    losses = [info_nce(model(jitter(x)), model(jitter(x))).item() for (x,) in val_dl]
    model.train()
    return sum(losses) / len(losses)


def main():
    model = WaveEncoder()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    with Inspector(model) as inspector:
        for epoch in range(4):
            for (x,) in train_dl:
                loss = info_nce(model(jitter(x)), model(jitter(x)))  # meets
                loss.requires_grad_(True)
                opt.zero_grad()
                loss.backward()
                opt.step()
            if epoch % 2 == 1:
                validate(model)
    return inspector.diagnose()


diagnosis = main()
