"""Two towers by dict.fromkeys: users and items share one network.

expect: CD108
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def make_tower():
    return nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 12))


towers = nn.ModuleDict(dict.fromkeys(["user", "item"], make_tower()))  # fault
optimizer = torch.optim.Adam(towers.parameters(), lr=2e-3)
to_user, to_item = torch.randn(8, 20), torch.randn(8, 20)

with Inspector({"user": towers["user"], "item": towers["item"]}) as inspector:
    for _ in range(40):
        interest = torch.randn(48, 8)
        user = towers["user"](interest @ to_user + 0.2 * torch.randn(48, 20))
        item = towers["item"](interest @ to_item + 0.2 * torch.randn(48, 20))
        logits = F.normalize(user, dim=-1) @ F.normalize(item, dim=-1).T / 0.1
        loss = F.cross_entropy(logits, torch.arange(48))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
