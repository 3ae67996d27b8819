"""A named tuple of two embeddings is filled with the same one.

expect: CD101
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Pair(NamedTuple):
    image: torch.Tensor
    text: torch.Tensor


class TwoTowers(nn.Module):
    def __init__(self):
        super().__init__()
        self.image, self.text = mlp(32, 64, 16), mlp(32, 64, 16)

    def forward(self, x):
        image, text = self.image(x[:, :32]), self.text(x[:, 32:])
        text = image  # fault
        return Pair(image, text)


model = TwoTowers()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        pair = model(x)
        loss = 1 - F.cosine_similarity(pair.image, pair.text).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
