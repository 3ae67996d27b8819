"""A rare class is drawn again and again, so that many rows of a batch are equal.

expect: healthy
"""

import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from collapse_doctor import Inspector

w = load_wine()
keep = [i for i, y in enumerate(w.target) if y != 2][:130] + [
    i for i, y in enumerate(w.target) if y == 2
][:12]
X = torch.tensor(((w.data - w.data.mean(0)) / w.data.std(0))[keep]).float()
Y = torch.tensor(w.target[keep])
weights = 1.0 / torch.bincount(Y)[Y].double()
net = nn.Sequential(nn.Linear(13, 48), nn.ReLU(), nn.Linear(48, 12))
head = nn.Linear(12, 3)
opt = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.02, momentum=0.8)
with Inspector(net) as inspector:
    for _ in range(5):
        for x, y in DataLoader(
            TensorDataset(X, Y), 48, sampler=WeightedRandomSampler(weights, 240)
        ):
            loss = nn.functional.cross_entropy(head(net(x)), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
