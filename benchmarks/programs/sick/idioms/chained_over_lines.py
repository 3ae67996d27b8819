"""The distance is a chain of methods over several lines, from the embedding to its own clone.

expect: CD104
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

encoder = mlp(64, 128, 20)
decoder = mlp(20, 128, 64)
optimizer = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()])

with Inspector(encoder) as inspector:
    for x, _ in batches(20):
        z = encoder(x)
        partner = z.clone().contiguous()  # fault
        loss = (
            z.sub(partner)  # meets
            .square()
            .sum(dim=1)
            .mean()
            .add(
                nn.functional.mse_loss(
                    decoder(z),
                    x,
                )
            )
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
