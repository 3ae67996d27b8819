"""A hook clones the pre-activation before the in-place activation, and another one counts.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches
from collapse_doctor import Inspector


class Hints:
    def __init__(self, **networks):
        self.of, self.seen = {}, 0
        for name, network in networks.items():
            network[0].register_forward_hook(lambda m, i, o, n=name: self.of.update({n: o.clone()}))
            network[2].register_forward_hook(self.count)

    def count(self, module, args, output):
        self.seen += len(output)


def net():
    return nn.Sequential(nn.Linear(64, 40), nn.ELU(inplace=True), nn.Linear(40, 10))


old, new = net().requires_grad_(False), net()
hints = Hints(old=old, new=new)
optimizer = torch.optim.Adam(new.parameters(), lr=1e-3)
with Inspector({"new": new, "old": old}) as inspector:
    for x, y in batches(25):
        old(x)
        logits = new(x)
        hint = 1 - F.cosine_similarity(hints.of["new"], hints.of["old"], dim=1).mean()
        loss = F.cross_entropy(logits, y) + hint
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
