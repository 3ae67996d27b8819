"""A linear map learned on unscaled data with a learning rate by which every step overshoots more.

expect: CD204
first: gradual
"""

import torch
from torch import nn

from collapse_doctor import Inspector

sources = 3.0 * torch.randn(512, 6) @ torch.randn(6, 24)
translation = sources @ torch.randn(24, 12) / 5
mapping = nn.Linear(24, 12)
optimizer = torch.optim.SGD(mapping.parameters(), lr=0.06)  # fault

with Inspector(mapping) as inspector:
    for rows in torch.randint(0, 512, (24, 64)):
        loss = nn.functional.mse_loss(mapping(sources[rows]), translation[rows])
        optimizer.zero_grad()
        loss.backward()  # shows
        optimizer.step()  # shows
diagnosis = inspector.diagnose()
