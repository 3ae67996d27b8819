"""A language model with its loss by hand.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class LanguageModel(nn.Module):
    def __init__(self, size=200, d=32):
        super().__init__()
        self.e = nn.Embedding(size, d)
        self.p = nn.Parameter(torch.randn(1, 16, d) * 0.02)
        self.t = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(d, 4, 64, 0.1, batch_first=True),
            2,
            enable_nested_tensor=False,
        )
        self.h = nn.Linear(d, size, bias=False)
        self.h.weight = self.e.weight

    def forward(self, x):
        h = self.e(x) + self.p[:, : x.shape[1]]
        return self.h(
            self.t(h, mask=torch.full((x.shape[1],) * 2, float("-inf")).triu(1), is_causal=True)
        )


def text(size=200, n=4000):
    transitions = torch.softmax(torch.randn(size, size) * 2.5, 1)
    s = [0]
    g = torch.Generator().manual_seed(1)
    for _ in range(n):
        s.append(torch.multinomial(transitions[s[-1]], 1, generator=g).item())
    return torch.tensor(s)


model = LanguageModel()
optimizer = torch.optim.AdamW(model.parameters(), 0.003)
s = text()
with Inspector(model) as inspector:
    for k in range(150):
        j = torch.randint(0, 3900, (16,))
        b = torch.stack([s[q : q + 17] for q in j])
        lp = torch.log_softmax(model(b[:, :-1]), -1)
        loss = -lp.gather(-1, b[:, 1:, None]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=b[:, 1:].reshape(-1))
diagnosis = inspector.diagnose()
