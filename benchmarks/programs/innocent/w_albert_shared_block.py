"""ALBERT: one block applied four times in a loop, on purpose.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Albert(nn.Module):
    def __init__(self, vocab=100, d=32, repeats=4):
        super().__init__()
        self.embedding = nn.Embedding(vocab, d)
        self.block = nn.TransformerEncoderLayer(d, 4, 64, 0.0, batch_first=True, norm_first=True)
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, 5)
        self.repeats = repeats

    def forward(self, ids):
        h = self.embedding(ids)
        for _ in range(self.repeats):
            h = self.block(h)
        return self.head(self.norm(h).mean(1))


model = Albert()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
with Inspector(model) as inspector:
    for _ in range(40):
        y = torch.randint(0, 5, (32,))
        ids = y[:, None] * 20 + torch.randint(0, 20, (32, 8))
        loss = nn.functional.cross_entropy(model(ids), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
