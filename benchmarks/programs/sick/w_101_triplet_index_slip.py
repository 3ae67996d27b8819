"""Triplets from a loader object; the trainer unpacks index 0 twice, so the positive is the anchor.

expect: CD101
"""

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

from collapse_doctor import Inspector


class TripletSampler:
    def __init__(self, x, y, batch_size, batches):
        self.x, self.y, self.batch_size, self.batches = x, y, batch_size, batches

    def __iter__(self):
        for _ in range(self.batches):
            anchor = torch.randint(0, len(self.x), (self.batch_size,))
            positive, negative = [], []
            for a in anchor.tolist():
                same = torch.nonzero(self.y == self.y[a]).flatten()
                other = torch.nonzero(self.y != self.y[a]).flatten()
                positive.append(same[torch.randint(0, len(same), ())])
                negative.append(other[torch.randint(0, len(other), ())])
            yield self.x[anchor], self.x[torch.stack(positive)], self.x[torch.stack(negative)]


class MetricTrainer:
    def __init__(self, net):
        self.net = net
        self.criterion = nn.TripletMarginLoss(margin=0.5)
        self.optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

    def run_batch(self, batch):
        outs = [self.net(view) for view in batch]
        anchor, positive, negative = outs[0], outs[0], outs[2]  # fault
        loss = self.criterion(anchor, positive, negative)  # meets
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self, loader):
        return [self.run_batch(batch) for batch in loader]


wine = load_wine()
features = torch.tensor(StandardScaler().fit_transform(wine.data), dtype=torch.float32)
trainer = MetricTrainer(nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 8)))

with Inspector(trainer.net) as inspector:
    history = trainer.fit(TripletSampler(features, torch.tensor(wine.target), 24, 30))

diagnosis = inspector.diagnose()
