"""Ten samples in all, embedded over and over, every triplet of them used.

expect: healthy
"""

import itertools

import torch
from sklearn.datasets import load_iris
from torch import nn

from collapse_doctor import Inspector

iris = load_iris()
rows = [0, 1, 2, 50, 51, 52, 100, 101, 102, 103]
X = torch.tensor(iris.data[rows], dtype=torch.float32)
y = iris.target[rows]
triples = [
    (a, p, n)
    for a, p in itertools.permutations(range(10), 2)
    for n in range(10)
    if y[a] == y[p] and y[a] != y[n]
]
A, P, N = torch.tensor(triples).T
net = nn.Sequential(nn.Linear(4, 16), nn.Softplus(), nn.Linear(16, 64))
loss_of = nn.TripletMarginLoss(margin=0.5)
opt = torch.optim.SGD(net.parameters(), lr=0.05)
with Inspector(net) as inspector:
    for step in range(500):
        z = net(X)
        loss = loss_of(z[A], z[P], z[N])
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
