"""Tokens are dropped with masked_fill, which leaves the first view as it is.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Tokens(nn.Module):
    def __init__(self, words=80, width=24):
        super().__init__()
        self.table = nn.Embedding(words, width)
        self.mix = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, ids):
        return self.mix(self.table(ids).transpose(1, 2)).transpose(1, 2)


def drop_tokens(states, rate=0.3):
    gone = torch.rand(states.shape[:2]) < rate
    return states.masked_fill(gone.unsqueeze(-1), 0.0)


net, head = Tokens(), nn.Linear(24, 80)
optimizer = torch.optim.AdamW([*net.parameters(), *head.parameters()], lr=2e-3)
with Inspector(net) as inspector:
    for _ in range(20):
        ids = torch.randint(0, 80, (32, 12))
        states = net(ids)
        dropped = drop_tokens(states)
        whole, partial = states.mean(1), dropped.mean(1)
        bag = torch.zeros(32, 80).scatter_(1, ids, 1.0)
        loss = F.binary_cross_entropy_with_logits(head(whole), bag)
        loss = loss + 1 - F.cosine_similarity(whole, partial).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
