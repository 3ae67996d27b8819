"""Half of all ids lie beyond the table, and are all clipped to its last row.

expect: CD502
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


def tower(rows, dim):
    table = nn.Embedding(rows, dim)

    class Tower(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.mix = table, nn.Linear(dim, dim)

        def forward(self, ids):
            ids = torch.minimum(ids, torch.tensor(rows - 1))  # fault
            return self.mix(self.table(ids))

    return Tower()


songs, listeners = tower(2000, 20), nn.Embedding(500, 20)
optimizer = torch.optim.Adam([*songs.parameters(), *listeners.parameters()], lr=1e-2)
with Inspector(songs) as inspector:
    for _ in range(24):
        ids = torch.randperm(4000)[:64]
        one, two = listeners(ids % 500), songs(ids)
        scores = F.cosine_similarity(one[:, None], two[None], dim=-1) / 0.1
        loss = F.cross_entropy(scores, torch.arange(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
