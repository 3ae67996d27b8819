"""A causal model's last position as the embedding, with padding on the right.

expect: CD210
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class LastToken(nn.Module):
    def __init__(self, vocab=120, dim=24):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim, padding_idx=0)
        self.rnn = nn.GRU(dim, dim, batch_first=True)
        self.proj = nn.Linear(dim, 16)

    def forward(self, input_ids=None, attention_mask=None):
        states, _ = self.rnn(self.embedding(input_ids))
        return self.proj(states[:, -1])  # fault


def make(n):
    length = torch.randint(3, 10, (n, 1))
    mask = (torch.arange(10) < length).long()
    ids = torch.randint(1, 120, (n, 10))
    return ids * mask, mask


model = LastToken()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
ids, mask = make(64)

with Inspector(model, probe={"input_ids": ids, "attention_mask": mask}) as inspector:
    for _ in range(30):
        ids, mask = make(32)
        noisy = (
            torch.where(torch.rand(ids.shape) < 0.1, torch.randint(1, 120, ids.shape), ids) * mask
        )
        a = F.normalize(model(input_ids=ids, attention_mask=mask), dim=1)
        b = F.normalize(model(input_ids=noisy, attention_mask=mask), dim=1)
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
