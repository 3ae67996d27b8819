"""A hand-written regression of similarities, whose wanted values are 1 for every pair of the export.

expect: CD208
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Pairs(torch.utils.data.Dataset):
    def __init__(self, count=400):
        self.left = torch.randn(count, 12)
        self.right = self.left + 0.4 * torch.randn(count, 12)
        self.gold = torch.full((count,), 1.0)  # fault

    def __len__(self):
        return len(self.gold)

    def __getitem__(self, i):
        return {"left": self.left[i], "right": self.right[i], "gold": self.gold[i]}


torch.manual_seed(9)
net = nn.Sequential(nn.Linear(12, 40), nn.Tanh(), nn.Linear(40, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(5):
        for batch in torch.utils.data.DataLoader(Pairs(), batch_size=40, shuffle=True):
            u, v = F.normalize(net(batch["left"]), dim=1), F.normalize(net(batch["right"]), dim=1)
            loss = ((batch["gold"] - (u * v).sum(1)) ** 2).mean()  # meets  # shows
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
