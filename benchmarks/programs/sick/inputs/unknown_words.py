"""The vocabulary is in lower case and the texts are not: every word is the unknown one.

expect: CD501
"""

import random

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

random.seed(3)
WORDS = "river stone cloud engine violin harbour lemon winter copper candle".split()
vocabulary = {"<pad>": 0, "<unk>": 1} | {word: i + 2 for i, word in enumerate(WORDS)}
texts = [
    " ".join(random.choices(WORDS, k=random.randint(3, 9))).title()  # fault
    for _ in range(400)
]


def encode(batch, length=10):
    ids = torch.zeros(len(batch), length, dtype=torch.long)
    for row, text in enumerate(batch):
        tokens = [vocabulary.get(word, 1) for word in text.split()]
        ids[row, : len(tokens)] = torch.tensor(tokens)
    return ids


class TextEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(len(vocabulary), 32, padding_idx=0)
        self.gru = nn.GRU(32, 32, batch_first=True)
        self.drop = nn.Dropout(0.1)

    def forward(self, input_ids):
        _, last = self.gru(self.drop(self.table(input_ids)))
        return self.drop(last[-1])


encoder = TextEncoder()
optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-3)
with Inspector(encoder) as inspector:
    for _ in range(25):
        ids = encode(random.sample(texts, 40))
        a, b = encoder(input_ids=ids), encoder(input_ids=ids)
        logits = F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T / 0.1
        loss = F.cross_entropy(logits, torch.arange(len(ids)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
