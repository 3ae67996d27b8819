"""The decorator of an inference method stayed on the one that training uses.

expect: CD201
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 80), nn.ReLU(), nn.Linear(80, 24))
        self.logits = nn.Linear(24, 10)

    @torch.no_grad()  # fault
    def embed(self, x):  # fault
        return nn.functional.normalize(self.trunk(x), dim=1)  # shows

    def forward(self, x):
        return self.logits(16 * self.embed(x))  # shows


digits = load_digits()
x, y = torch.tensor(digits.data / 16).float(), torch.tensor(digits.target)
net = Embedder()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector({"net": net, "trunk": net.trunk}) as inspector:
    for idx in torch.randint(0, len(x), (40, 64)):
        loss = nn.functional.cross_entropy(net(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
