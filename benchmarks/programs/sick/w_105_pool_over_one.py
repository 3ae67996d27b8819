"""Attention pooling against the vector itself: the sequences have one element, so it only scales.

expect: CD105
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class GatedPool(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.gate = nn.Linear(dim, 1)

    def forward(self, h):
        return (torch.sigmoid(self.gate(h)) * h).sum(dim=1)  # shows


class DocEncoder(nn.Module):
    def __init__(self, vocab=100, dim=24, max_sentences=1):  # fault
        super().__init__()
        self.words = nn.EmbeddingBag(vocab, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))
        self.pool = GatedPool(dim)
        self.max_sentences = max_sentences

    def forward(self, tokens):
        tokens = tokens[:, : self.max_sentences]
        b, s, w = tokens.shape
        sentences = self.mlp(self.words(tokens.reshape(b * s, w))).view(b, s, -1)
        return sentences[:, 0], self.pool(sentences)  # shows


model = DocEncoder()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

with Inspector(model) as inspector:
    for _ in range(30):
        topic = torch.randint(0, 10, (32, 1, 1))
        tokens = topic * 10 + torch.randint(0, 10, (32, 4, 6))
        title, document = model(tokens)
        cos = F.cosine_similarity(title, document, dim=-1)  # meets
        spread = F.relu(1 - title.std(dim=0)).mean()
        loss = (1 - cos).mean() + spread
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
