"""CosineEmbeddingLoss wants 1 and -1; it is given 1 and 0, and 0 counts for nothing.

expect: CD208
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
opt = torch.optim.Adam(net.parameters(), 1e-3)
criterion = nn.CosineEmbeddingLoss(margin=0.2)
with Inspector(net) as inspector:
    for step in range(200):
        i, j = torch.randint(len(X), (2, 64))
        target = (y[i] == y[j]).long()  # fault
        loss = criterion(net(X[i]), net(X[j]), target)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
