"""Training with an evaluation after each epoch, which also embeds the training set again.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
net = nn.Sequential(
    nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 24)
)
proxies = nn.Parameter(torch.randn(10, 24))
optimizer = torch.optim.Adam([*net.parameters(), proxies], lr=2e-3)


@torch.no_grad()
def recall_at_1():
    was_training = net.training
    net.eval()
    z = F.normalize(net(x[1500:]), dim=1)
    same = F.cosine_similarity(z, z)
    nearest = (z @ z.T - torch.diag(same)).fill_diagonal_(-2).argmax(1)
    net.train(was_training)
    return (y[1500:][nearest] == y[1500:]).float().mean()


with Inspector(net) as inspector:
    for _ in range(3):
        for rows in torch.randperm(1500).split(100):
            z = F.normalize(net(x[rows]), dim=1)
            loss = F.cross_entropy(8 * z @ F.normalize(proxies, dim=1).T, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        recall_at_1()

diagnosis = inspector.diagnose()
