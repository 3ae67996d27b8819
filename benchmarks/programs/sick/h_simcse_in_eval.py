"""Unsupervised SimCSE on a small transformer that was left in eval mode: no dropout, equal views.

expect: CD107
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self, vocab=200, width=32):
        super().__init__()
        self.tokens = nn.Embedding(vocab, width)
        self.attend = nn.MultiheadAttention(width, 4, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.ff = nn.Sequential(
            nn.Linear(width, 64), nn.GELU(), nn.Dropout(0.1), nn.Linear(64, width)
        )

    def forward(self, ids):
        h = self.drop(self.tokens(ids))
        h = h + self.attend(h, h, h, need_weights=False)[0]
        return (h + self.ff(h)).mean(1)


def evaluate(encoder, ids):
    encoder.eval()  # fault
    with torch.no_grad():
        z = nn.functional.normalize(encoder(ids), dim=1)
    return torch.pdist(z).mean().item()


corpus = torch.randint(0, 200, (400, 12))
encoder = Encoder()
spread = evaluate(encoder, corpus[:100])
optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for step in range(20):
        sentences = corpus[torch.randint(0, 400, (32,))]
        z1 = encoder(sentences)
        z2 = encoder(sentences)  # shows
        sim = torch.cosine_similarity(z1[:, None], z2[None], dim=-1) / 0.05  # meets
        loss = nn.functional.cross_entropy(sim, torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
