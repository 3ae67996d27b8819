"""Two random crops of each picture, drawn anew.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from benchmarks.programs.common import DIGITS, mlp
from collapse_doctor import Inspector


class Pairs(Dataset):
    def __len__(self):
        return 320

    def crop(self, index):
        image = DIGITS[index].view(8, 8)
        top, left = torch.randint(0, 3, (2,)).tolist()
        return image[top : top + 6, left : left + 6].flatten() + 0.05 * torch.randn(36)

    def __getitem__(self, index):
        return self.crop(index), self.crop(index)


net = mlp(36, 64, 16, act=nn.Mish)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for one, two in DataLoader(Pairs(), batch_size=32, shuffle=True):
        a, b = F.normalize(net(one), dim=1), F.normalize(net(two), dim=1)
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
