"""Batch-hard triplets on embeddings without normalisation at far too high a rate, the loss ends up sitting on the margin.

expect: CD207
first: gradual
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

MARGIN = 0.3
people = torch.randn(40, 1, 14, 8)


def pk_sampler(P=12, K=4):
    ids = torch.randperm(40)[:P].repeat_interleave(K)
    return people[ids] + 2.0 * torch.randn(P * K, 1, 14, 8), ids


class ReID(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 16, 3)
        self.c2 = nn.Conv2d(16, 32, 3)
        self.fc = nn.Linear(32 * 10 * 4, 64)

    def forward(self, x):
        x = F.gelu(self.c2(F.gelu(self.c1(x))))
        return self.fc(x.flatten(1))  # fault


def batch_hard(f, ids, margin=MARGIN):
    dist = torch.cdist(f, f)  # meets
    same = ids[:, None] == ids[None]
    hardest_pos = (dist * same).max(dim=1).values
    hardest_neg = dist.masked_fill(same, float("inf")).min(dim=1).values
    return F.relu(hardest_pos - hardest_neg + margin).mean()  # shows


model = ReID()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)  # fault

with Inspector(model) as inspector:
    for step in range(80):
        x, ids = pk_sampler()
        f = model(x)
        loss = batch_hard(f, ids)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 8 == 0:
            print(
                f"{step:3d} loss {loss.item():.4f} mean pairwise distance {torch.pdist(f.detach()).mean().item():.5f}"
            )
diagnosis = inspector.diagnose()
