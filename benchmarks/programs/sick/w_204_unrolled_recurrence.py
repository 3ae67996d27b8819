"""A hand-written recurrent net whose recurrent weights are too large, over forty time steps.

expect: CD204
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class Cell(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.w = nn.Linear(8, width)
        self.u = nn.Linear(width, width, bias=False)
        nn.init.orthogonal_(self.u.weight, gain=2.2)  # fault

    def forward(self, x, h):
        return F.leaky_relu(self.w(x) + self.u(h), 0.3)


class Unrolled(nn.Module):
    def __init__(self, width=32, steps=40):
        super().__init__()
        self.width = width
        self.cell = Cell(width)
        self.inputs = nn.Linear(8, 8)

    def forward(self, sequence):
        h = torch.zeros(len(sequence), self.width)
        for t in range(sequence.shape[1]):
            h = self.cell(self.inputs(sequence[:, t]), h)
        return h


rnn = Unrolled()
optimizer = torch.optim.SGD(rnn.parameters(), lr=1e-4)
with Inspector(rnn) as inspector:
    for _ in range(25):
        sequence = torch.randn(24, 40, 8)
        z = rnn(sequence)
        z2 = rnn(sequence + 0.05 * torch.randn_like(sequence))
        loss = F.pairwise_distance(z, z2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rnn.parameters(), 0.25)
        optimizer.step()

diagnosis = inspector.diagnose()
