"""Complex, boolean, integer, sparse and empty outputs beside the logits.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = mlp(64, 64, 10)

    def forward(self, x):
        g = self.n(x)
        return g, torch.fft.fft(g), g > 0, g.argmax(1), g.to_sparse(), torch.zeros(0, 5), None, "s"


model = M()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(30, 64):
        loss = F.cross_entropy(model(x)[0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
