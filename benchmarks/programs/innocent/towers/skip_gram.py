"""Skip-gram with negative samples; one side starts at zero.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def text(size=200, n=4000):
    transitions = torch.softmax(torch.randn(size, size) * 2.5, 1)
    s = [0]
    g = torch.Generator().manual_seed(1)
    for _ in range(n):
        s.append(torch.multinomial(transitions[s[-1]], 1, generator=g).item())
    return torch.tensor(s)


class SkipGram(nn.Module):
    def __init__(self):
        super().__init__()
        self.i = nn.Embedding(200, 32)
        self.o = nn.Embedding(200, 32)
        nn.init.zeros_(self.o.weight)

    def forward(self, c, t, n):
        return self.i(c), self.o(t), self.o(n)


model = SkipGram()
optimizer = torch.optim.Adam(model.parameters(), 0.005)
s = text()
with Inspector(model) as inspector:
    for k in range(300):
        j = torch.randint(2, 3900, (64,))
        c, t, n = model(s[j], s[j + 1], torch.randint(0, 200, (64, 5)))
        loss = (
            -F.logsigmoid((c * t).sum(1)).mean()
            - F.logsigmoid(-(n * c[:, None]).sum(2)).sum(1).mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
