"""Audio segments: the reference summary is an attribute that the module fills after the loss.

expect: CD106
first: 1
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class SegmentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(6, 32, batch_first=True)
        self.proj = nn.Linear(32, 12)
        self.next_frame = nn.Linear(32, 6)
        self.reference = None

    def forward(self, segment):
        states, last = self.rnn(segment)
        return self.proj(last[-1]), self.next_frame(states[:, :-1])


def audio(n, length=10):
    x = torch.randn(20, n * length, 6)
    for t in range(1, x.shape[1]):
        x[:, t] = 0.8 * x[:, t - 1] + 0.5 * x[:, t]
    return x.split(length, dim=1)


model = SegmentModel()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
with Inspector(model) as inspector:
    for segment in audio(30):
        summary, guess = model(segment)
        loss = (guess - segment[:, 1:]).abs().mean()
        if model.reference is not None:
            loss = loss + (1 - torch.cosine_similarity(summary, model.reference)).mean()  # meets
        model.reference = summary.detach().clone()  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
