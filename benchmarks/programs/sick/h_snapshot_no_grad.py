"""Temporal ensembling: the snapshot is cloned from the present output, within no_grad.

expect: CD103
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_iris
from torch import nn

from collapse_doctor import Inspector

iris = load_iris()
X = torch.tensor(iris.data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
Y = torch.tensor(iris.target)


class Ensembling:
    def __init__(self, net, clf):
        self.net, self.clf = net, clf
        self.optimizer = torch.optim.Adam([*net.parameters(), *clf.parameters()], lr=5e-3)

    def targets(self, z):
        with torch.no_grad():
            return z.clone()  # fault

    def __call__(self, x, y):
        z = self.net(x)
        ramp = F.mse_loss(z, self.targets(z))  # meets
        loss = F.cross_entropy(self.clf(z), y) + ramp
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()


net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 8))
step = Ensembling(net, nn.Linear(8, 3))
with Inspector(net) as inspector:
    history = [step(X[i], Y[i]) for _ in range(10) for i in torch.randperm(150).split(50)]
diagnosis = inspector.diagnose()
