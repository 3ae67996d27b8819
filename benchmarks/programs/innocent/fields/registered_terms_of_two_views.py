"""Terms of the loss register themselves in a list; one reads both views.

expect: healthy
"""

from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

TERMS = []


def term(weight):
    def register(function):
        TERMS.append((weight, function))
        return function

    return register


@term(weight=1.0)
def consistency(at):
    return F.smooth_l1_loss(at.left, at.right.detach())


@term(weight=0.5)
def classes(at):
    return F.cross_entropy(at.head(at.left), at.labels)


net, head = mlp(64, 80, 20, act=nn.Tanh), nn.Linear(20, 10)
optimizer = torch.optim.NAdam([*net.parameters(), *head.parameters()], lr=1e-3)
with Inspector(net) as inspector:
    for x, y in batches(20):
        at = SimpleNamespace(left=net(augment(x)), right=net(augment(x)), head=head, labels=y)
        loss = sum(weight * function(at) for weight, function in TERMS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
