"""The second view was embedded once, before the loop, with the untrained network.

expect: CD106
first: 1
"""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn

from collapse_doctor import Inspector

table = torch.tensor(scale(load_breast_cancer().data), dtype=torch.float32)[:256]
model = nn.Sequential(nn.Linear(30, 60), nn.ReLU(), nn.Linear(60, 20))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)


def contrast(z, target, temperature=0.3):
    z = nn.functional.normalize(z)
    target = nn.functional.normalize(target)
    positive = (z * target).sum(1) / temperature  # meets
    everyone = (z @ target.T / temperature).logsumexp(1)
    return (everyone - positive).mean()


with Inspector(model) as inspector:
    with torch.no_grad():
        second_view = model(table + 0.2 * torch.randn_like(table))  # fault
    for _ in range(6):
        for rows in torch.randperm(256).split(64):
            loss = contrast(model(table[rows]), second_view[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()

diagnosis = inspector.diagnose()
