"""A logging helper puts the encoder into eval mode and does not put it back.

expect: CD107
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.EmbeddingBag(200, 32)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(32, 24)

    def forward(self, ids):
        return self.out(self.drop(self.table(ids)))


def spread_of(encoder, ids):
    encoder.train(False)  # fault
    with torch.no_grad():
        return encoder(ids).std(0).mean()


encoder = Encoder()
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
log = [spread_of(encoder, torch.randint(0, 200, (16, 6)))]
with Inspector(encoder) as inspector:
    for _ in range(25):
        ids = torch.randint(0, 200, (32, 6))
        a = encoder(ids)
        b = encoder(ids)  # shows
        scores = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.05
        loss = F.cross_entropy(scores, torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
