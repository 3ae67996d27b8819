"""A warm-up that divides with //: the learning rate is 0 in every step.

expect: CD202
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from collapse_doctor import Inspector

total = 60
model = nn.Sequential(nn.Linear(34, 68), nn.GELU(), nn.Linear(68, 17))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)  # shows
scheduler = LambdaLR(optimizer, lambda step: min(1, step // total))  # fault
speakers = torch.randn(70, 34)


def ge2e(z, speakers_per_batch, utterances):
    z = F.normalize(z, dim=-1).view(speakers_per_batch, utterances, -1)
    centroids = F.normalize(z.mean(dim=1), dim=-1)
    sim = 10 * torch.einsum("sud,cd->suc", z, centroids) - 5
    target = torch.arange(speakers_per_batch).repeat_interleave(utterances)
    return F.cross_entropy(sim.flatten(0, 1), target)


with Inspector(model) as inspector:
    for _ in range(45):
        who = torch.randperm(70)[:10].repeat_interleave(4)
        loss = ge2e(model(speakers[who] + 0.5 * torch.randn(40, 34)), 10, 4)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()

diagnosis = inspector.diagnose()
