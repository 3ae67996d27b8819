"""Ratings are read from a table with double brackets, two functions away from the loss.

expect: CD205
"""

import pandas as pd
import torch
from torch import nn

from collapse_doctor import Inspector


def read():
    n = 400
    return pd.DataFrame(
        {
            "user": torch.randint(0, 30, (n,)).numpy(),
            "item": torch.randint(0, 40, (n,)).numpy(),
            "stars": torch.rand(n).numpy(),
        }
    )


def tensors(frame):
    ids = torch.tensor(frame[["user", "item"]].values)
    stars = torch.tensor(frame[["stars"]].values)  # fault
    return ids, stars


class Factors(nn.Module):
    def __init__(self):
        super().__init__()
        self.user, self.item = nn.Embedding(30, 12), nn.Embedding(40, 12)

    def forward(self, ids):
        return (self.user(ids[:, 0]) * self.item(ids[:, 1])).sum(1)


def batches(ids, stars, size):
    for rows in torch.randperm(len(ids)).split(size):
        yield ids[rows], stars[rows]


model = Factors()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
ids, stars = tensors(read())
with Inspector(model) as inspector:
    for some, wanted in batches(ids, stars, 40):
        loss = nn.functional.mse_loss(model(some), wanted)  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
