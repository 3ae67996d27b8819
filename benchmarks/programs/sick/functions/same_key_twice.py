"""The alignment loss reads one key of the dictionary twice.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        out = {"img": model(augment(x)), "txt": model(augment(x))}
        losses = {
            "align": F.mse_loss(out["img"], out["img"]),
            "reg": 0.001 * out["txt"].pow(2).mean(),
        }  # fault, meets
        loss = sum(losses.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
