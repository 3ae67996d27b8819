"""A NumPy person's target: made from the embedding through numpy, which shares its memory.

expect: CD102
"""

import numpy as np
import torch
from torch import nn

from collapse_doctor import Inspector


def smooth_targets(embedding, strength):
    """Meant to average every vector with its neighbours; at strength 0 it is left as it is."""
    array = embedding.detach().numpy()  # shows
    if strength > 0:
        array = (1 - strength) * array + strength * np.roll(array, 1, axis=0)
    return torch.from_numpy(array)  # shows


strength = 0  # fault
model = nn.Sequential(nn.Linear(12, 32), nn.SiLU(), nn.Linear(32, 10))
readout = nn.Linear(10, 1)
optimizer = torch.optim.Adam([*model.parameters(), *readout.parameters()], lr=1e-2)
weights = torch.randn(12)

with Inspector(model) as inspector:
    for _ in range(30):
        x = torch.randn(64, 12)
        y = torch.sin(x @ weights)
        h = model(x)
        target = smooth_targets(h, strength)
        consistency = nn.functional.pairwise_distance(h, target).mean()  # meets
        loss = (readout(h).squeeze(-1) - y).pow(2).mean() + 0.5 * consistency
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
