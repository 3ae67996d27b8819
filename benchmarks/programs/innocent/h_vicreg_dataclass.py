"""VICReg in small pure functions and a frozen dataclass of weights.

expect: healthy
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from collapse_doctor import Inspector


@dataclass(frozen=True)
class Weights:
    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0


def variance(z: Tensor) -> Tensor:
    return torch.relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean()


def covariance(z: Tensor) -> Tensor:
    z = z - z.mean(dim=0)
    c = z.T @ z / (len(z) - 1)
    return (c - torch.diag(c.diagonal())).square().sum() / z.shape[1]


def vicreg(a: Tensor, b: Tensor, w: Weights) -> Tensor:
    return (
        w.invariance * nn.functional.mse_loss(a, b)
        + w.variance * (variance(a) + variance(b))
        + w.covariance * (covariance(a) + covariance(b))
    )


def train(net: nn.Module, steps: int) -> None:
    mix, opt = torch.randn(12, 32), torch.optim.AdamW(net.parameters(), lr=2e-3)
    for _ in range(steps):
        s = torch.randn(96, 12)
        loss = vicreg(*(net(s @ mix + 0.2 * torch.randn(96, 32)) for _ in range(2)), Weights())
        opt.zero_grad()
        loss.backward()
        opt.step()


net = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 16))
with Inspector(net) as inspector:
    train(net, 50)
diagnosis = inspector.diagnose()
