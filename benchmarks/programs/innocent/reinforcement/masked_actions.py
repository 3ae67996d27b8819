"""Logits of forbidden actions are minus infinity.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector


class P(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = mlp(8, 64, 6)

    def forward(self, x, mask):
        return self.n(x).masked_fill(~mask, float("-inf"))


model = P()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for k in range(60):
        s = torch.randn(32, 8)
        mk = torch.rand(32, 6) > 0.3
        mk[:, 0] = True
        d = torch.distributions.Categorical(logits=model(s, mk))
        a = d.sample()
        loss = -(d.log_prob(a) * (a == s.argmax(1) % 6).float()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss)
diagnosis = inspector.diagnose()
