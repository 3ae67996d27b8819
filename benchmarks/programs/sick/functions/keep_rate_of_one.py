"""Random masking with a keep rate of 1.0 from a dictionary of hyper-parameters.

expect: CD107
"""

import torch
from torch import nn

from collapse_doctor import Inspector

HPARAMS = {
    "keep": 1.0,  # fault
    "width": 40,
    "rate": 1e-3,
}


def corrupt(rows, keep):
    mask = torch.rand(rows.shape) < keep
    return torch.where(mask, rows, rows.mean(0, keepdim=True))


def both(rows, hparams):
    return [corrupt(rows, hparams["keep"]) for _ in range(2)]


def build(hparams):
    return nn.Sequential(
        nn.Linear(21, hparams["width"]), nn.Tanh(), nn.Linear(hparams["width"], 16)
    )


def main(hparams):
    encoder = build(hparams)
    optimizer = torch.optim.RMSprop(encoder.parameters(), lr=hparams["rate"])
    table = torch.randn(400, 21)
    with Inspector(encoder) as inspector:
        for rows in table.split(50) * 4:
            left, right = both(rows, hparams)
            u, v = encoder(left), encoder(right)  # shows
            u, v = (nn.functional.normalize(z, dim=1) for z in (u, v))
            loss = nn.functional.cross_entropy(u @ v.T / 0.3, torch.arange(50))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.diagnose()


diagnosis = main(HPARAMS)
