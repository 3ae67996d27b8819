"""Labels of pairs become a column in the data set's `__getitem__`.

expect: CD205
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class Signatures(Dataset):
    def __init__(self, n):
        self.x = torch.randn(n, 2, 14)
        self.same = torch.randint(0, 2, (n,)).float()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        left, right = self.x[i]
        return left, right, self.same[i].view(1)  # fault


def contrastive(left, right, same, margin=1.0):
    d = F.pairwise_distance(left, right)
    return (same * d.pow(2) + (1 - same) * F.relu(margin - d).pow(2)).mean()  # shows


net = nn.Sequential(nn.Linear(14, 40), nn.ReLU(), nn.Linear(40, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for left, right, same in DataLoader(Signatures(600), batch_size=24, drop_last=True):
        loss = contrastive(net(left), net(right), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
