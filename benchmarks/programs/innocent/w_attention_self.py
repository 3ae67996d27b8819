"""Self-attention by hand: softmax over keys of q @ k.T, where q and k come from one tensor.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Attention(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(dim=-1)
        return x + self.out(weights @ v)


class Net(nn.Module):
    def __init__(self, d=24):
        super().__init__()
        self.stem, self.attention = nn.Linear(6, d), Attention(d)
        self.head = nn.Linear(d, 8)

    def forward(self, x):
        return self.head(self.attention(self.stem(x)).mean(1))


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
directions = torch.randn(8, 6)
with Inspector(net) as inspector:
    for _ in range(50):
        y = torch.randint(0, 8, (48,))
        x = directions[y][:, None] + torch.randn(48, 5, 6)
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
