"""Embeddings are kept for logging through NumPy and compared with later ones, outside the loss.

expect: healthy
"""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
net, head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16)), nn.Linear(16, 10)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=2e-3)
snapshots, drift = [], []
with Inspector(net) as inspector:
    for step, rows in enumerate(torch.randperm(1600).split(50)):
        z = net(x[rows])
        loss = F.cross_entropy(head(z), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            with torch.no_grad():
                snapshots.append(net(x[:50]).numpy().copy())
            drift.append(float(np.linalg.norm(snapshots[-1] - snapshots[0], axis=1).mean()))

diagnosis = inspector.diagnose()
