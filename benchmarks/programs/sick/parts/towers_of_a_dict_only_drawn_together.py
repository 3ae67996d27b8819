"""Two towers in a ``ModuleDict``, both learning, that are only drawn together.

expect: CD208
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X = torch.tensor(load_digits().data).float() / 16
nets = nn.ModuleDict(
    {
        "upper": nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 16)),
        "lower": nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 16)),
    }
)
opt = torch.optim.AdamW(nets.parameters(), 3e-3)
with Inspector(nets) as inspector:
    for _ in range(300):
        rows = X[torch.randint(len(X), (64,))]
        up, low = nets["upper"](rows[:, :32]), nets["lower"](rows[:, 32:])
        loss = F.mse_loss(up, low)  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
