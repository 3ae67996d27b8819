"""The second head only scales what the first one gave.

expect: CD105
"""

import torch
from torch import nn

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.scale = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        z = self.encoder(x)
        return z, self.scale * z  # fault


model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters())
similarity = nn.CosineSimilarity()
with Inspector(model) as inspector:
    for x, _ in batches():
        loss = 1 - similarity(*model(x)).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
