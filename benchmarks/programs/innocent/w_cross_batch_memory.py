"""Cross-batch memory: earlier batches' vectors and labels as additional negatives.

expect: healthy
"""

from collections import deque

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


def margin_loss(z, y, keys, key_labels, margin=0.4, exclude_self=False):
    sim = z @ keys.T
    same = y[:, None] == key_labels[None]
    if exclude_self:
        eye = torch.eye(len(z), dtype=torch.bool)
        positive = (1 - sim)[same & ~eye]
    else:
        positive = (1 - sim)[same]
    negative = F.relu(sim - margin)[~same]
    return positive.mean() + negative.sum() / max(1, int((negative > 0).sum()))


data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
memory = deque(maxlen=5)
with Inspector(net) as inspector:
    for rows in torch.randperm(1750).split(50):
        z = F.normalize(net(x[rows]), dim=1)
        loss = margin_loss(z, y[rows], z, y[rows], exclude_self=True)
        if memory:
            keys, labels = (torch.cat(part) for part in zip(*memory))
            loss = loss + margin_loss(z, y[rows], keys, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        memory.append((z.detach(), y[rows]))

diagnosis = inspector.diagnose()
