"""Missing cells are filled and outliers cut in place, under another name: nothing is hidden.

expect: healthy
"""

import torch
import torch.nn.functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


def repaired(rows, missing):
    rows[missing] = 0.0
    rows[rows > 0.95] = 0.95
    return rows


net = mlp(64, 50, 10, 50, 64)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for x, _ in batches(30):
        x = x.masked_fill(x == 0.25, float("nan"))
        missing = torch.isnan(x)
        filled = repaired(x, missing)
        guess = net(filled)
        loss = F.mse_loss(guess[~missing], x[~missing])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
