"""Contrastive loss whose labels come as a column (B, 1) from the table, distances as (B,).

expect: CD205
"""

import numpy as np
import pandas as pd
import torch
from torch import nn

from collapse_doctor import Inspector

people = np.random.randn(30, 16).astype("float32")
left = np.random.randint(0, 30, 600)
right = np.where(np.random.rand(600) < 0.5, left, np.random.randint(0, 30, 600))
frame = pd.DataFrame({"left": left, "right": right, "same": (left == right).astype("float32")})

net = nn.Sequential(nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, 12))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)


def contrastive_loss(distance, label, margin=2.0):
    near = label * distance.pow(2)  # meets # fault
    far = (1 - label) * torch.clamp(margin - distance, min=0.0).pow(2)  # meets # fault
    return torch.mean(near + far)


with Inspector(net) as inspector:
    for _, rows in zip(range(25), np.split(frame.sample(frac=1).index.to_numpy(), 15) * 2):
        part = frame.loc[rows]
        a = net(
            torch.from_numpy(
                people[part.left] + 0.2 * np.random.randn(len(part), 16).astype("float32")
            )
        )
        b = net(
            torch.from_numpy(
                people[part.right] + 0.2 * np.random.randn(len(part), 16).astype("float32")
            )
        )
        label = torch.tensor(part[["same"]].to_numpy())  # fault
        loss = contrastive_loss(nn.functional.pairwise_distance(a, b), label)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
