"""BatchNorm and dropout with a validation loop; train and eval differ, and both are healthy.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
y = torch.tensor(data.target)
net = nn.Sequential(
    nn.Conv2d(1, 16, 3),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(576, 24),
)
head = nn.Linear(24, 10)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=2e-3)

with Inspector(net, probe=x[1500:1700]) as inspector:
    for _epoch in range(3):
        net.train()
        for rows in torch.randperm(1500).split(75):
            loss = nn.functional.cross_entropy(head(net(x[rows])), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            accuracy = (head(net(x[1500:])).argmax(1) == y[1500:]).float().mean()

diagnosis = inspector.diagnose()
