"""Paraphrases are pulled together by cosine, and there is nothing else.

expect: CD208
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Paraphrases(torch.utils.data.IterableDataset):
    def __iter__(self):
        for _ in range(640):
            s = torch.randint(0, 150, (10,))
            yield s, torch.where(torch.rand(10) < 0.3, torch.randint(0, 150, (10,)), s)


class SentenceEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(150, 32)
        self.mix = nn.Sequential(nn.Linear(32, 48), nn.GELU(), nn.Linear(48, 24))

    def forward(self, ids):
        return self.mix(self.emb(ids)).mean(1)


encoder = SentenceEncoder()
criterion = nn.CosineEmbeddingLoss()
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for a, b in torch.utils.data.DataLoader(Paraphrases(), batch_size=32):
        loss = criterion(encoder(a), encoder(b), torch.ones(len(a)))  # fault # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
