"""Weights drawn too wide for pixels from 0 to 16: every sigmoid is at one of its rails.

expect: CD314
"""

import torch
from torch import nn

from benchmarks.programs.common import batches
from collapse_doctor import Inspector

autoencoder = nn.ModuleDict(
    {
        "encode": nn.Sequential(nn.Linear(64, 48), nn.Sigmoid(), nn.Linear(48, 12)),
        "decode": nn.Sequential(nn.Linear(12, 48), nn.Sigmoid(), nn.Linear(48, 64)),
    }
)
for module in autoencoder["encode"]:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=2.0)  # fault
optimizer = torch.optim.RMSprop(autoencoder.parameters(), lr=1e-4)
with Inspector(dict(autoencoder)) as inspector:
    for x, _ in batches(50):
        code = autoencoder["encode"](16 * x)
        loss = (autoencoder["decode"](code) - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
