"""A GRU over packed sequences; the last hidden state is that of the last real token.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from collapse_doctor import Inspector


class Packed(nn.Module):
    def __init__(self, vocab=120, dim=24):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim, padding_idx=0)
        self.rnn = nn.GRU(dim, 32, batch_first=True)
        self.proj = nn.Linear(32, 16)

    def forward(self, input_ids, attention_mask):
        lengths = attention_mask.sum(1)
        packed = pack_padded_sequence(
            self.embedding(input_ids), lengths, batch_first=True, enforce_sorted=False
        )
        return self.proj(self.rnn(packed)[1][-1])


def make(n):
    mask = (torch.arange(10) < torch.randint(3, 11, (n, 1))).long()
    return torch.randint(1, 120, (n, 10)) * mask, mask


model = Packed()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
ids, mask = make(96)
with Inspector(model, probe={"input_ids": ids, "attention_mask": mask}) as inspector:
    for _ in range(40):
        ids, mask = make(32)
        noisy = (
            torch.where(torch.rand(ids.shape) < 0.1, torch.randint(1, 120, ids.shape), ids) * mask
        )
        a, b = F.normalize(model(ids, mask), dim=1), F.normalize(model(noisy, mask), dim=1)
        loss = F.cross_entropy(a @ b.T / 0.1, torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
