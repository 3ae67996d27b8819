"""Parameter groups are chosen by a prefix that no parameter of the embedding has.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, 12))
        self.classifier = nn.Linear(12, 4)

    def forward(self, x):
        return self.encoder(x)


def select(net, prefixes=("backbone", "classifier")):  # fault
    return [p for name, p in net.named_parameters() if name.startswith(prefixes)]


net = Net()
optimizer = torch.optim.Adam(select(net), lr=1e-3)  # shows
with Inspector(net) as inspector:
    for _ in range(25):
        x = torch.randn(40, 16)
        loss = F.cross_entropy(net.classifier(net(x)), x[:, :4].argmax(1))
        net.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
