"""Episodes of three classes in 64 dimensions; of the data there are three classes in all.

expect: healthy
"""

import torch
from sklearn.datasets import load_wine
from torch import nn

from collapse_doctor import Inspector

X, y = load_wine(return_X_y=True)
X, y = torch.tensor((X - X.mean(0)) / X.std(0)).float(), torch.tensor(y)
by = [X[y == c] for c in range(3)]
net = nn.Sequential(nn.Linear(13, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64))
opt = torch.optim.Adam(net.parameters(), 2e-3)
with Inspector(net) as inspector:
    for episode in range(300):
        s = torch.cat([c[torch.randperm(len(c))[:10]] for c in by])
        z = net(s).view(3, 10, -1)
        proto, query = z[:, :5].mean(1), z[:, 5:].reshape(15, -1)
        loss = nn.functional.cross_entropy(
            -(torch.cdist(query, proto) ** 2), torch.arange(3).repeat_interleave(5)
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
