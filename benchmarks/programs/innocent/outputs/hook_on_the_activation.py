"""A hook keeps what an in-place activation put out, and means just that.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

kept = {}


def keep(name):
    def hook(module, args, output):
        kept[name] = output

    return hook


def net():
    return nn.Sequential(nn.Linear(64, 48), nn.ReLU(inplace=True), nn.Linear(48, 10))


teacher, student = net().requires_grad_(False), net()
for name, network in (("teacher", teacher), ("student", student)):
    network[0].register_forward_hook(keep(name + ".linear"))  # is the activation, too, by then
    network[1].register_forward_hook(keep(name))
optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
with Inspector({"student": student, "teacher": teacher}) as inspector:
    for x, y in batches(25):
        teacher(x)
        loss = F.cross_entropy(student(x), y) + F.mse_loss(kept["student"], kept["teacher"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
