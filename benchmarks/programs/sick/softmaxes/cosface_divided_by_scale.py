"""CosFace whose head divides by its scale of 64 where it should multiply.

expect: CD207
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class CosFace(nn.Module):
    def __init__(self, width, classes, s=64.0, m=0.35):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, width))
        self.s, self.m = s, m

    def forward(self, embedding, label):
        cosine = F.linear(F.normalize(embedding), F.normalize(self.weight))
        one_hot = F.one_hot(label, cosine.shape[1])
        return (cosine - self.m * one_hot) / self.s  # fault, shows


backbone = nn.Sequential(nn.Linear(32, 96), nn.GELU(), nn.Linear(96, 24))
head = CosFace(24, 20)
optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.1, momentum=0.9)
faces = torch.randn(20, 32)
with Inspector({"backbone": backbone}) as inspector:
    for _ in range(60):
        who = torch.randint(0, 20, (72,))
        logits = head(backbone(faces[who] + 0.4 * torch.randn(72, 32)), who)
        loss = F.cross_entropy(logits, who)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
