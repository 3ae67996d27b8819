"""backward() complained that nothing needs a gradient, and was silenced with requires_grad_().

expect: CD201
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def step(x):
    z = F.normalize(model(x).detach(), dim=1)  # fault
    logits = z @ z.T / 0.2
    return F.cross_entropy(logits, torch.arange(len(x))).requires_grad_()


model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with Inspector(model) as inspector:
    for x, _ in batches(30):
        loss = step(torch.cat([augment(x), augment(x)]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
