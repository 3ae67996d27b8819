"""A trainer adds a spreading term with a coefficient that its caller sets to nought.

expect: CD208
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Trainer:
    def __init__(self, net, *, lr, repel):
        self.net, self.repel = net, repel
        self.optimizer = torch.optim.Adam(net.parameters(), lr=lr)

    def loss(self, a, b):
        near = nn.functional.mse_loss(a, b)  # shows
        far = torch.exp(-torch.pdist(a)).mean()
        return near + self.repel * far

    def fit(self, batches):
        for x in batches:
            noise = (0.2 * torch.randn_like(x) for _ in range(2))
            loss = self.loss(*(self.net(x + n) for n in noise))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


net = nn.Sequential(nn.Linear(22, 48), nn.ReLU(), nn.Linear(48, 16))
with Inspector(net) as inspector:
    trainer = Trainer(net, lr=1e-3, repel=0.0)  # fault
    trainer.fit(torch.randn(2000, 22).split(40))
diagnosis = inspector.diagnose()
