"""A named tuple's field is replaced by another field of it: the target is the prediction.

expect: CD101
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Pair(NamedTuple):
    prediction: Tensor
    target: Tensor


encoder, predictor = mlp(64, 96, 24), mlp(24, 24)
decoder = nn.Linear(24, 64)
modules = nn.ModuleList([encoder, predictor, decoder])
optimizer = torch.optim.Adam(modules.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for x, _ in batches(20):
        z = encoder(augment(x))
        pair = Pair(prediction=z, target=encoder(x).detach())
        pair = pair._replace(target=pair.prediction)  # fault
        loss = nn.functional.mse_loss(*pair)  # meets
        loss = loss + nn.functional.mse_loss(decoder(z), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
