"""The teacher is a functional call with the student's own weights, detached in each step.

expect: CD103
"""

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

student, decoder = mlp(64, 96, 24), nn.Linear(24, 64)
optimizer = torch.optim.Adam([*student.parameters(), *decoder.parameters()], lr=1e-3)


def weights_of(module):
    return {name: value.detach() for name, value in module.named_parameters()}  # fault


with Inspector(student) as inspector:
    for x, _ in batches(20):
        z = student(x)
        target = functional_call(student, weights_of(student), (x,))  # fault
        loss = F.mse_loss(z, target) + F.mse_loss(decoder(z), x)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
