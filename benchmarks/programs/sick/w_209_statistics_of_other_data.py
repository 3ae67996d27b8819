"""BatchNorm fed raw pixels in the last warm-up passes: its running statistics are of another scale.

expect: CD209
first: gradual
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3)
        self.bn = nn.BatchNorm2d(16)  # shows
        self.fc = nn.Linear(16 * 36, 24)

    def forward(self, x):
        return self.fc(torch.sigmoid(self.bn(self.conv(x))).flatten(1))


def calibrate(model, raw):
    """Meant to refresh the statistics once more; forgets the division by 16."""
    for _ in range(30):
        model(500 * raw)  # fault


data = load_digits()
raw = torch.tensor(data.images, dtype=torch.float32)[:, None]
labels = torch.tensor(data.target)
model, head = Net(), nn.Linear(24, 10)
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=1e-3)

with Inspector(model, probe=(raw[:128] / 16,)) as inspector:
    for rows in torch.randperm(1500).split(50):
        loss = nn.functional.cross_entropy(head(model(raw[rows] / 16)), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        calibrate(model, raw[:64])

diagnosis = inspector.diagnose()
