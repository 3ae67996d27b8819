"""Two towers are made by dict.fromkeys(), which gives both keys the same network.

expect: CD108
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

towers = nn.ModuleDict(dict.fromkeys(("image", "text"), mlp(32, 64, 32)))  # fault
scale = nn.Parameter(torch.tensor(2.0))
optimizer = torch.optim.AdamW([*towers.parameters(), scale], 1e-3)
with Inspector(towers) as inspector:
    for x, _ in batches(30):
        image = F.normalize(towers["image"](x[:, :32]), dim=1)
        text = F.normalize(towers["text"](x[:, 32:]), dim=1)
        logits = scale.exp() * image @ text.T
        target = torch.arange(len(x))
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
