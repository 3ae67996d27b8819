"""Masked sum, divided by the padded length instead of the sentence's own.

expect: CD210
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class TextCNN(nn.Module):
    def __init__(self, vocab=150, dim=20):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim, padding_idx=0)
        self.dense = nn.Linear(dim, 32)

    def forward(self, input_ids, attention_mask):
        h = torch.tanh(self.dense(self.embedding(input_ids)))
        total = (h * attention_mask.unsqueeze(-1)).sum(dim=1)
        return total / input_ids.shape[1]  # fault


def review(n):
    mask = (torch.arange(14) < torch.randint(2, 15, (n, 1))).long()
    stars = torch.randint(0, 5, (n,))
    words = 1 + stars[:, None] * 29 + torch.randint(0, 29, (n, 14))
    return words * mask, mask, stars


model, head = TextCNN(), nn.Linear(32, 5)
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=5e-3)
words, mask, _ = review(64)

with Inspector(model, probe={"input_ids": words, "attention_mask": mask}) as inspector:
    for _ in range(30):
        ids, m, stars = review(32)
        loss = F.cross_entropy(head(model(ids, m)), stars)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
