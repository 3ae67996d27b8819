"""A learning rate that jumps at step 30, once, and kills the ReLUs of a convolutional network.

expect: CD301, CD314
first: 31
"""

import torch
from torch import nn

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.act = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(32 * 4, 10)

    def forward(self, x):
        x = self.pool(self.act(self.conv1(x.view(-1, 1, 8, 8))))
        x = self.pool(self.act(self.conv2(x)))
        return self.head(x.flatten(1))


model = Small()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
with Inspector(model) as inspector:
    for step, (x, y) in enumerate(batches(120, 64)):
        for group in optimizer.param_groups:
            group["lr"] = 300.0 if step == 30 else 0.05  # fault
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
