"""Sentence pairs that all are paraphrases, with a loss of 1 - cosine.

expect: CD208
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class BiEncoder(nn.Module):
    def __init__(self, vocab=300, dim=32):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, dim))

    def forward(self, ids):
        return self.mlp(self.bag(ids))


class CosineLoss(nn.Module):
    def forward(self, u, v):
        return (1 - torch.cosine_similarity(u, v, dim=-1)).mean()  # fault # meets


model, criterion = BiEncoder(), CosineLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
with Inspector(model) as inspector:
    for _ in range(40):
        topic = torch.randint(0, 30, (32, 1)) * 10
        sentence = topic + torch.randint(0, 10, (32, 7))
        paraphrase = topic + torch.randint(0, 10, (32, 7))
        loss = criterion(model(sentence), model(paraphrase))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
