"""The similarity head gives (B, 1) and the gold scores are (B,), so the squared error compares every pair with every score.

expect: CD205
"""

import random

import torch
import torch.nn as nn

from collapse_doctor import Inspector

random.seed(4)
VOCAB = {
    w: i + 1
    for i, w in enumerate(
        """a the man woman child dog cat bird rides plays sings walks eats horse guitar
piano song street field apple bread red blue big small old young fast slowly in on with""".split()
    )
}
WORDS = list(VOCAB)


def example():
    first = random.sample(WORDS, 7)
    shared = random.randint(0, 7)
    rest = [w for w in WORDS if w not in first]
    second = first[:shared] + random.sample(rest, 7 - shared)
    random.shuffle(second)
    return first, second, shared / 7


def collate(rows):
    ids = lambda texts: torch.tensor([[VOCAB[w] for w in t] for t in texts])
    a, b, gold = zip(*rows)
    return ids(a), ids(b), torch.tensor(gold)


class Encoder(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.emb = nn.Embedding(len(VOCAB) + 1, dim)
        self.ff = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, dim))

    def forward(self, ids):
        e = self.emb(ids).mean(1)
        return e + self.ff(e)


class SimilarityHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.cos = nn.CosineSimilarity(dim=1)
        self.scale = nn.Linear(1, 1)

    def forward(self, u, v):
        return self.scale(self.cos(u, v).unsqueeze(1))  # fault


encoder, head = Encoder(), SimilarityHead()
mse = nn.MSELoss()
opt = torch.optim.Adam(list(encoder.parameters()) + list(head.parameters()), lr=3e-3)

with Inspector(encoder) as inspector:
    for step in range(60):
        a, b, gold = collate([example() for _ in range(32)])
        score = head(encoder(a), encoder(b))
        loss = mse(score, gold)  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
