"""The second view is mixed with a partner; a dataclass of options gives the partner no weight.

expect: CD107
"""

from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@dataclass
class ViewOptions:
    partner_weight: float = 0.0  # fault
    shuffle: bool = True


@dataclass
class Options:
    views: ViewOptions = field(default_factory=ViewOptions)
    steps: int = 25


class Trainer:
    def __init__(self, net, options):
        self.net, self.options = net, options
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)

    def make_view(self, batch):
        order = (
            torch.randperm(len(batch)) if self.options.views.shuffle else torch.arange(len(batch))
        )
        weight = self.options.views.partner_weight
        return (1 - weight) * batch + weight * batch[order]

    def fit(self, data):
        for _ in range(self.options.steps):
            batch = data[torch.randint(len(data), (40,))]
            first = self.net(self.make_view(batch))
            second = self.net(self.make_view(batch))  # shows
            scores = F.normalize(first, dim=-1) @ F.normalize(second, dim=-1).T / 0.2
            loss = F.cross_entropy(scores, torch.arange(40))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


net = nn.Sequential(nn.Linear(18, 50), nn.ReLU(), nn.Linear(50, 20))
with Inspector(net) as inspector:
    Trainer(net, Options()).fit(torch.randn(300, 18))
diagnosis = inspector.diagnose()
