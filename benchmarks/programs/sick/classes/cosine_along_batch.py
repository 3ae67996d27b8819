"""A similarity module with the wrong axis.

expect: CD206
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class Alignment(nn.Module):
    def __init__(self):
        super().__init__()
        self.similarity = nn.CosineSimilarity(dim=0)  # fault

    def forward(self, one, other):
        return (1 - self.similarity(one, other)).mean()  # fault, meets


image, text, criterion = mlp(32, 64, 32), mlp(32, 64, 32), Alignment()
optimizer = torch.optim.AdamW([*image.parameters(), *text.parameters()])
with Inspector({"image": image, "text": text}) as inspector:
    for x, _ in batches(30):
        loss = criterion(image(x[:, :32]), text(x[:, 32:]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
