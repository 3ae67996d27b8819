"""Each row of the positive is the anchor's row, weighted by its confidence.

expect: CD105
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class Gated(nn.Module):
    def __init__(self, d_in, d):
        super().__init__()
        self.value = nn.Linear(d_in, d)
        self.gate = nn.Sequential(nn.Linear(d_in, 1), nn.Sigmoid())

    def forward(self, x):
        return self.value(x), self.gate(x)


world = torch.randn(9, 28)
net = Gated(28, 18)
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
losses = []
with Inspector(net) as inspector:
    for t in range(30):
        latent = torch.randn(72, 9)
        anchor_value, anchor_gate = net(latent @ world + 0.2 * torch.randn(72, 28))
        positive_value, positive_gate = net(latent @ world + 0.2 * torch.randn(72, 28))
        negative_value, _ = net(torch.randn(72, 9) @ world)
        positive = anchor_value * (0.5 + positive_gate)  # fault
        s_pos = F.cosine_similarity(anchor_value, positive)  # meets
        s_neg = F.cosine_similarity(positive_value, negative_value)
        loss = F.softplus(4 * (s_neg - s_pos)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
diagnosis = inspector.diagnose()
