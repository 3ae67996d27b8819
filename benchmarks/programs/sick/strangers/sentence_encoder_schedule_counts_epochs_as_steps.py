"""The linear decay is given the number of epochs but is advanced every batch, so the learning rate is 0 after one quarter of the run.

expect: CD202
first: 16
"""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from collapse_doctor import Inspector


@dataclass
class Args:
    epochs: int = 16
    batch_size: int = 40
    lr: float = 4e-3
    scale: float = 15.0


class SentenceEncoder(nn.Module):
    def __init__(self, vocab=300, dim=56):
        super().__init__()
        self.words = nn.Embedding(vocab, dim, padding_idx=0)
        self.mix = nn.TransformerEncoderLayer(dim, 4, 96, dropout=0.0, batch_first=True)
        self.out = nn.Linear(dim, dim)

    def forward(self, ids):
        pad = ids == 0
        h = self.mix(self.words(ids), src_key_padding_mask=pad)
        keep = (~pad).unsqueeze(-1).float()
        return self.out((h * keep).sum(1) / keep.sum(1))


def corpus(n=160):
    for _ in range(n):
        topic = int(torch.randint(0, 29, (1,)))
        draw = lambda: 1 + topic * 10 + torch.randint(0, 10, (int(torch.randint(4, 12, (1,))),))
        yield draw(), draw()


def collate(pairs):
    first, second = zip(*pairs)
    return pad_sequence(first, batch_first=True), pad_sequence(second, batch_first=True)


def linear_decay(optimizer, total):
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: max(0.0, (total - s) / total))


args = Args()
loader = DataLoader(list(corpus()), batch_size=args.batch_size, shuffle=True, collate_fn=collate)
encoder = SentenceEncoder()
optimizer = torch.optim.AdamW(encoder.parameters(), lr=args.lr, weight_decay=0.01)
scheduler = linear_decay(optimizer, args.epochs)  # fault

with Inspector(encoder) as inspector:
    for epoch in range(args.epochs):
        for a, b in loader:
            u = F.normalize(encoder(a), dim=-1)
            v = F.normalize(encoder(b), dim=-1)
            scores = args.scale * u @ v.T
            loss = F.cross_entropy(scores, torch.arange(len(u)))  # meets
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()  # shows
            scheduler.step()
diagnosis = inspector.diagnose()
