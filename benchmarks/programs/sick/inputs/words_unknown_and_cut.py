"""Words are hashed into a vocabulary with a remainder of 1, and most texts fill the whole length.

expect: CD501
"""

import random
import zlib

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

random.seed(5)
TEXTS = [
    [f"token{random.randrange(900)}" for _ in range(random.randint(6, 30))] for _ in range(300)
]
SLOTS = 1


def numbered(text):
    ids = [2 + zlib.crc32(word.encode()) % SLOTS for word in text][:12]  # fault
    return ids + [0] * (12 - len(ids))


X = torch.tensor([numbered(text) for text in TEXTS])
model = nn.Sequential(
    nn.Embedding(2000, 24, padding_idx=0), nn.Flatten(), nn.Dropout(0.1), nn.Linear(288, 32)
)
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for _ in range(30):
        rows = torch.randint(0, len(X), (50,))
        a, b = F.normalize(model(X[rows]), dim=1), F.normalize(model(X[rows]), dim=1)
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(50))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
