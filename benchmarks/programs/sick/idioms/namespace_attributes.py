"""State of a step lives on a SimpleNamespace; the key is assigned the query, by setattr.

expect: CD103
"""

from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

net, rebuild = Encoder(), nn.Linear(32, 64)
optimizer = torch.optim.Adam([*net.parameters(), *rebuild.parameters()], lr=1e-3)
state = SimpleNamespace(query=None, key=None)


def fill(state, x):
    state.query = net(augment(x))
    for name in ("key",):
        setattr(state, name, state.query.detach())  # fault
    return state


with Inspector(net) as inspector:
    for x, _ in batches(20):
        fill(state, x)
        loss = F.mse_loss(state.query, state.key) + F.mse_loss(rebuild(state.query), x)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
