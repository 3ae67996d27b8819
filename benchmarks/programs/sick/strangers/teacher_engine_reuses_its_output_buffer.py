"""The teacher engine writes every result into one preallocated buffer, so the first view's target is replaced by the second's.

expect: CD109
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class InferenceEngine:
    """Fast frozen teacher: plain matmuls into preallocated memory, like an exported model."""

    def __init__(self, inputs, hidden, outputs, batch):
        self.w1 = torch.randn(inputs, hidden) / inputs**0.5
        self.w2 = torch.randn(hidden, outputs) / hidden**0.5
        self.hidden = torch.empty(batch, hidden)
        self.output = torch.empty(batch, outputs)

    @torch.no_grad()
    def __call__(self, x):
        torch.mm(x, self.w1, out=self.hidden)
        self.hidden.tanh_()
        torch.mm(self.hidden, self.w2, out=self.output)
        return self.output  # fault


class Student(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs, 40), nn.GELU(), nn.Linear(40, outputs))

    def forward(self, x):
        return self.net(x)


def relational(student, teacher):
    """Match vectors and the pairwise distances of the teacher."""
    point = F.smooth_l1_loss(student, teacher)  # meets
    return point + 0.1 * F.mse_loss(torch.pdist(student), torch.pdist(teacher))


def molecules(n, width=66):
    fragments = torch.rand(n, 15) < 0.25
    return fragments.float() @ FINGERPRINT + 0.1 * torch.randn(n, width)


FINGERPRINT = torch.randn(15, 66) / 2
BATCH = 58
engine = InferenceEngine(66, 128, 24, BATCH)
student = Student(66, 24)
optimizer = torch.optim.Adam(student.parameters(), lr=5e-3)

with Inspector({"student": student}) as inspector:
    for step in range(50):
        reactant, product = molecules(BATCH), molecules(BATCH)
        target_r = engine(reactant)
        target_p = engine(product)
        loss = relational(student(reactant), target_r) + relational(student(product), target_p)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            print(step, round(loss.item(), 4))
diagnosis = inspector.diagnose()
