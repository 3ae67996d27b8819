"""Temporal ensembling: targets are a running mean of each sample's earlier predictions.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale
from torch import nn

from collapse_doctor import Inspector

wine = load_wine()
x, y = torch.tensor(scale(wine.data), dtype=torch.float32), torch.tensor(wine.target)
labelled = torch.rand(len(x)) < 0.5
net = nn.Sequential(nn.Linear(13, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
ensemble = torch.zeros(len(x), 3)
with Inspector(net) as inspector:
    for epoch in range(10):
        for rows in torch.randperm(len(x)).split(36):
            out = net(x[rows] + 0.1 * torch.randn(len(rows), 13))
            prob = out.softmax(1)
            target = ensemble[rows] / (1 - 0.6**epoch) if epoch else prob.detach()
            mask = labelled[rows]
            loss = F.cross_entropy(out[mask], y[rows][mask])
            if epoch:
                loss = loss + min(1.0, epoch / 5) * F.mse_loss(prob, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            ensemble[rows] = 0.6 * ensemble[rows] + 0.4 * prob.detach()

diagnosis = inspector.diagnose()
