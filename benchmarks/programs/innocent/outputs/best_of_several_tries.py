"""Of several random targets the best so far is put into one tensor, and several heads learn it.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

frozen = mlp(64, 64, 20).requires_grad_(False)
body, heads = mlp(64, 80, 32), nn.ModuleList(nn.Linear(32, 20) for _ in range(3))
optimizer = torch.optim.Adam([*body.parameters(), *heads.parameters()], lr=2e-3)
best = torch.empty(256, 20)
with Inspector(body) as inspector:
    for image, _ in batches(40):
        chosen, greatest = best[: len(image)], 0.0
        for _ in range(4):
            tried = frozen(augment(image))
            if tried.std(0).mean().item() > greatest:
                greatest = tried.std(0).mean().item()
                chosen.copy_(tried)
        hidden = body(augment(image))
        loss = sum(F.mse_loss(head(hidden), chosen) for head in heads)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
