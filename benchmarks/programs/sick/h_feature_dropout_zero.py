"""Two dropout views of the pooled feature, with a dropout of rate 0: it returns its argument.

expect: CD101
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import nn

from collapse_doctor import Inspector

data = load_breast_cancer()
X = torch.tensor((data.data - data.data.mean(0)) / data.data.std(0), dtype=torch.float32)
Y = torch.tensor(data.target)

CONFIG = {"dropout": 0.0, "lr": 2e-3, "width": 48, "beta": 0.5}  # fault


class Tabular(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(30, cfg["width"]), nn.ReLU(), nn.Linear(cfg["width"], 20)
        )
        self.drop = nn.Dropout(cfg["dropout"])
        self.out = nn.Linear(20, 2)

    def forward(self, x):
        return self.body(x)


net = Tabular(CONFIG)
opt = torch.optim.Adam(net.parameters(), lr=CONFIG["lr"])
with Inspector(net) as inspector:
    for _ in range(30):
        rows = torch.randint(0, len(X), (64,))
        z = net(X[rows])
        one = net.drop(z)  # shows
        two = net.drop(z)  # shows
        ce = F.cross_entropy(net.out(one), Y[rows])
        agreement = F.mse_loss(one, two)  # meets
        (ce + CONFIG["beta"] * agreement).backward()
        opt.step()
        opt.zero_grad()

diagnosis = inspector.diagnose()
