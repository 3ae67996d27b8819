"""Features of several crops are kept by name, and all of them lie in one workspace.

expect: CD109
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Features:
    """A fixed random projection that allocates nothing."""

    def __init__(self, inputs, width, most):
        self.weight = torch.randn(inputs, width) / inputs**0.5
        self.workspace = torch.empty(most, width)

    def __call__(self, x):
        rows = self.workspace.narrow(0, 0, x.shape[0])
        torch.matmul(x, self.weight, out=rows)  # fault
        return rows


student = nn.ModuleDict(
    {"body": mlp(64, 96, 40), "left": nn.Linear(40, 24), "right": nn.Linear(40, 24)}
)
features = Features(64, 24, 64)
optimizer = torch.optim.AdamW(student.parameters(), lr=2e-3)
with Inspector(student["body"]) as inspector:
    for image, _ in batches(40):
        crops = {
            "left": image * (torch.arange(64) % 8 < 5),
            "right": image * (torch.arange(64) % 8 > 2),
        }
        wanted = {side: features(crop) for side, crop in crops.items()}
        hidden = student["body"](augment(image))
        loss = 0.0
        for side in crops:
            loss = loss + F.smooth_l1_loss(student[side](hidden), wanted[side])  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
