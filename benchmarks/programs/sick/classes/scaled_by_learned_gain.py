"""The second branch is the first one times a gain: cosine cannot tell them apart.

expect: CD105
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Branches(nn.Module):
    def __init__(self, gain):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 10))
        self.gain = gain

    def main(self, x):
        return self.body(x)

    def side(self, h):
        return self.gain * h  # fault

    def forward(self, x):
        h = self.main(x)
        return h, self.side(h)


net, head = Branches(1.7), nn.Linear(10, 3)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(25):
        x = torch.randn(36, 12)
        outputs = net(x)
        similarity = F.cosine_similarity(*outputs).mean()  # meets
        loss = F.cross_entropy(head(outputs[0]), x[:, :3].argmax(1)) + 1 - similarity
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
