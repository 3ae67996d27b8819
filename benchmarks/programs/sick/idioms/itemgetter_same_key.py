"""An itemgetter picks two outputs out of a dictionary, both by the same key.

expect: CD101
"""

from operator import itemgetter

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = mlp(64, 60, 16), mlp(64, 60, 16)

    def forward(self, a, b):
        return {"left": self.left(a), "right": self.right(b)}


pick = itemgetter("left", "left")  # fault
model = Towers()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(20):
        one, other = pick(model(x, augment(x)))  # fault
        apart = nn.functional.cosine_similarity(one, other.roll(1, 0))
        close = nn.functional.cosine_similarity(one, other)  # meets
        loss = torch.relu(apart - close + 0.5).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
