"""States of shape (time, batch, width), compared with the default dim=1 of cosine_similarity.

expect: CD206
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self, n_in=5, width=20):
        super().__init__()
        self.rnn = nn.GRU(n_in, width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        return self.out(self.rnn(x)[0])


encoder = Encoder()
optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-3)
with Inspector(encoder) as inspector:
    for _ in range(25):
        x = torch.randn(12, 32, 5).cumsum(0) / 3
        a = encoder(x + 0.1 * torch.randn_like(x))
        b = encoder(x + 0.1 * torch.randn_like(x))
        good = F.cosine_similarity(a, b)  # fault # meets
        bad = F.cosine_similarity(a, b.roll(1, dims=1))  # fault # meets
        loss = F.relu(0.5 - good + bad).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
