"""Scores of all pairs by `F.linear`: a positive has no view of its own.

expect: CD107
"""

import torch
import torch.nn.functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def scores(queries: torch.Tensor, keys: torch.Tensor, temperature: float = 0.1) -> torch.Tensor:
    queries, keys = (F.normalize(side, dim=-1) for side in (queries, keys))
    return F.linear(queries, keys).div_(temperature)  # meets


net = Encoder()
sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
with Inspector(net) as inspector:
    for x, _ in batches(30):
        view = augment(x)
        sgd.zero_grad()
        table = scores(net(view), net(view))  # fault
        F.cross_entropy(table, torch.arange(len(x))).backward()
        sgd.step()
diagnosis = inspector.diagnose()
