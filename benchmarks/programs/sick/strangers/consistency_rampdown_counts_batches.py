"""The Gaussian ramp-down of the metric term is written for epochs but is fed the batch counter, and nothing but the detached head is left of the loss.

expect: CD203
first: gradual
"""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification

from collapse_doctor import Inspector

X, y = make_classification(
    n_samples=900, n_features=26, n_informative=14, n_classes=5, random_state=8
)
X, y = X.astype(np.float32), y.astype(np.int64)


def rampdown(epoch, length=18):
    """Laine and Aila: 1 at the start, about 0 after `length` epochs."""
    return math.exp(-5.0 * (epoch / length) ** 2)


class MetricLearner:
    def __init__(self):
        self.trunk = nn.Sequential(nn.Linear(26, 80), nn.Mish(), nn.Linear(80, 24))
        self.head = nn.Linear(24, 5)
        params = [*self.trunk.parameters(), *self.head.parameters()]
        self.opt = torch.optim.SGD(params, lr=0.3, momentum=0.8)
        self.epoch = 0
        self.batch = 0

    def metric_term(self, z, t):
        z = F.normalize(z, dim=1)
        sim = z @ z.T
        same = (t[:, None] == t[None]).float()
        off = 1 - torch.eye(len(t))
        pull = (same * off * (1 - sim)).sum() / (same * off).sum()
        push = ((1 - same) * F.relu(sim - 0.1)).sum() / (1 - same).sum()
        return pull + push  # meets

    def update(self, x, t):
        z = self.trunk(x)
        weight = rampdown(self.batch)  # fault
        loss = weight * self.metric_term(z, t) + F.cross_entropy(self.head(z.detach()), t)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        self.batch += 1
        return loss.item()


learner = MetricLearner()
rng = np.random.default_rng(0)
with Inspector(learner.trunk) as inspector:
    for learner.epoch in range(5):
        for rows in np.array_split(rng.permutation(len(X))[:840], 14):
            learner.update(torch.from_numpy(X[rows]), torch.from_numpy(y[rows]))
diagnosis = inspector.diagnose()
