"""A ReLU recurrence started at 1.3 times the identity: over 50 steps of back-propagation the gradient grows by 1.3 ** 50, about half a million.

expect: CD204
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector


class FrameEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(9, 24)

    def forward(self, x):
        return torch.tanh(self.lin(x))


class SequenceModel(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.frames = FrameEncoder()
        self.rnn = nn.RNN(24, hidden, nonlinearity="relu", batch_first=True)
        with torch.no_grad():
            self.rnn.weight_hh_l0.copy_(1.3 * torch.eye(hidden))  # fault
        self.head = nn.Linear(hidden, 10)

    def forward(self, x):
        out, _ = self.rnn(self.frames(x))
        return self.head(out[:, -1])


def gait(n, steps=50):
    speed = torch.rand(n, 1, 1) * 0.6 + 0.1
    phase = torch.rand(n, 1, 9) * 6.28
    t = torch.arange(steps).view(1, -1, 1)
    clean = torch.sin(speed * t + phase)
    return speed.flatten(), clean + 0.1 * torch.randn(n, steps, 9)


torch.manual_seed(6)
net = SequenceModel()
opt = torch.optim.Adam(net.parameters(), lr=1e-5)
rank = nn.MarginRankingLoss(margin=0.2)

with Inspector({"frames": net.frames, "net": net}) as inspector:
    for step in range(40):
        speed, x = gait(30)
        z = net(x)
        q, r, s = z[0::3], z[1::3], z[2::3]
        v, w, u = speed[0::3], speed[1::3], speed[2::3]
        near = (q - r).norm(dim=1)
        far = (q - s).norm(dim=1)
        order = torch.sign((v - u).abs() - (v - w).abs())
        loss = rank(far, near, order)  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
