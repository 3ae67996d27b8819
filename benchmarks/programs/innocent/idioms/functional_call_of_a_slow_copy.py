"""The teacher is a functional call of the student's module with slowly moving weights of its own.

expect: healthy
"""

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

student, decoder = mlp(64, 96, 24), nn.Linear(24, 64)
slow = {name: value.detach().clone() for name, value in student.named_parameters()}
optimizer = torch.optim.Adam([*student.parameters(), *decoder.parameters()], lr=1e-3)

with Inspector(student) as inspector:
    for x, _ in batches(60):
        z = student(augment(x))
        with torch.no_grad():
            target = functional_call(student, slow, (x,))
        loss = F.mse_loss(z, target) + F.mse_loss(decoder(z), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for name, value in student.named_parameters():
                slow[name].lerp_(value, 0.02)
diagnosis = inspector.diagnose()
