"""The second view is the first with noise added in place, so that both are the same tensor.

expect: CD107
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

signal = torch.sin(torch.linspace(0, 6, 50)[None] * torch.rand(600, 1) * 3 + torch.rand(600, 1) * 6)


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv1d(1, 16, 5, stride=2)
        self.c2 = nn.Conv1d(16, 32, 5, stride=2)
        self.fc = nn.Linear(32, 24)

    def forward(self, x):
        x = F.relu(self.c1(x.unsqueeze(1)))
        x = F.relu(self.c2(x)).mean(-1)
        return self.fc(x)


def jitter(batch, sigma=0.2):
    batch += sigma * torch.randn_like(batch)  # fault
    return batch


def nt_xent(a, b, t=0.2):
    z = F.normalize(torch.cat((a, b)), dim=1)
    s = (z @ z.t()) / t
    s.fill_diagonal_(-1e9)
    n = len(a)
    return F.cross_entropy(s, torch.cat((torch.arange(n, 2 * n), torch.arange(n))))


net = Conv()
opt = torch.optim.Adam(net.parameters(), 1e-3)
with Inspector(net) as inspector:
    for step in range(50):
        x = signal[torch.randint(600, (48,))]
        v1 = jitter(x)
        v2 = jitter(x)
        loss = nt_xent(net(v1), net(v2))  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
