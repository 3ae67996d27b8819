"""A data set of pairs whose partner index is drawn and then not used.

expect: CD107
"""

import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class Pairs(Dataset):
    def __init__(self, groups):
        self.groups = groups

    def __len__(self):
        return len(self.groups)

    def __getitem__(self, i):
        group = self.groups[i]
        a = random.randrange(len(group))
        b = random.randrange(len(group))
        first = group[a]
        second = group[a]  # fault
        return first, second


def info_nce(query, key, temperature=0.1):
    query, key = (nn.functional.normalize(z, dim=1) for z in (query, key))
    return nn.functional.cross_entropy(query @ key.T / temperature, torch.arange(len(query)))


groups = [torch.randn(1, 16) + 0.5 * torch.randn(6, 16) for _ in range(240)]
loader = DataLoader(Pairs(groups), batch_size=30, shuffle=True)
tower = nn.Sequential(nn.Linear(16, 48), nn.GELU(), nn.Linear(48, 24))
optimizer = torch.optim.Adam(tower.parameters(), lr=1e-3)
with Inspector(tower) as inspector:
    for _ in range(3):
        for first, second in loader:
            loss = info_nce(tower(first), tower(second))  # shows
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
