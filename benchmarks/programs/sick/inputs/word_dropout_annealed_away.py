"""Words are dropped less and less often; from step 32 on both readings are the whole text.

expect: CD107
first: 32
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

TEXTS, WORDS, LENGTH, UNTIL = 240, 90, 14, 32
texts = torch.randint(1, WORDS, (TEXTS, LENGTH))


class BagOfWords(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, 32, padding_idx=0)
        self.out = nn.Linear(32, 24)

    def forward(self, ids):
        kept = ids.ne(0).unsqueeze(-1)
        return self.out((self.words(ids) * kept).sum(1) / kept.sum(1).clamp(min=1))


def dropped(ids, rate):
    return ids.masked_fill(torch.rand(ids.shape) < rate, 0)


def rate_at(step):
    return 0.4 * max(0.0, 1 - step / UNTIL)  # fault


model = BagOfWords()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
with Inspector(model) as inspector:
    for step in range(64):
        ids = texts[torch.randperm(TEXTS)[:40]]
        first = model(dropped(ids, rate_at(step)))
        second = model(dropped(ids, rate_at(step)))  # shows
        table = F.normalize(first, dim=1) @ F.normalize(second, dim=1).t()  # meets
        loss = (table.div(0.2).logsumexp(1) - table.diag().div(0.2)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
