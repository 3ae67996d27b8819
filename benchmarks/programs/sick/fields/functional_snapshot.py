"""The model is called with parameters that were copied once, before the loop: nobody steps those.

expect: CD202
"""

import torch
from torch.func import functional_call
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

net = mlp(64, 64, 16)
snapshot = {
    name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()
}  # fault
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for x, _ in batches(25):
        a = functional_call(net, snapshot, (augment(x),))
        b = functional_call(net, snapshot, (augment(x),))
        similarity = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
        loss = F.cross_entropy(similarity / 0.1, torch.arange(len(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
