"""A TypedDict with the outputs: both fields are filled with one embedding.

expect: CD101
"""

from typing import TypedDict

import torch
from torch import Tensor, nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Outputs(TypedDict):
    online: Tensor
    target: Tensor
    reconstruction: Tensor


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = mlp(64, 100, 20)
        self.decoder = mlp(20, 100, 64)

    def forward(self, x: Tensor, noisy: Tensor) -> Outputs:
        online, target = self.encoder(noisy), self.encoder(x)
        return Outputs(online=online, target=online, reconstruction=self.decoder(target))  # fault


def objective(outputs: Outputs, x: Tensor) -> Tensor:
    consistency = nn.functional.l1_loss(outputs["online"], outputs["target"])  # meets
    return consistency + nn.functional.mse_loss(outputs["reconstruction"], x)


model = Model()
optimizer = torch.optim.NAdam(model.parameters(), lr=1e-3)
with Inspector(model.encoder) as inspector:
    for x, _ in batches(20):
        loss = objective(model(x, augment(x)), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
