"""A module config names which branch is the target; both name the online branch.

expect: CD101
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

BRANCHES = {"anchor": "online", "goal": "online"}  # fault


class Twin(nn.Module):
    def __init__(self):
        super().__init__()
        self.online = nn.Sequential(nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, 12))
        self.other = nn.Sequential(nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, 12))

    def forward(self, x):
        return {"online": self.online(x), "other": self.other(x)}


model = Twin()
head = nn.Linear(12, 3)
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=1e-3)
with Inspector(model) as inspector:
    for _ in range(25):
        x = torch.randn(32, 16)
        y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
        out = model(x)
        anchor, goal = out[BRANCHES["anchor"]], out[BRANCHES["goal"]]
        agree = 1 - F.cosine_similarity(anchor, goal).mean()  # meets
        loss = (
            F.cross_entropy(head(out["online"]), y) + F.cross_entropy(head(out["other"]), y) + agree
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
