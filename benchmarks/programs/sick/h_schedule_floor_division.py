"""The warm-up divides with // and is 0 for all of the run.

expect: CD202
"""

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from collapse_doctor import Inspector

WARMUP = 500


def warmup(step):
    return min(1, step // WARMUP)  # fault


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(50, 24)
        self.rnn = nn.GRU(24, 24, batch_first=True)

    def forward(self, ids):
        return self.rnn(self.emb(ids))[1][-1]


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
scheduler = LambdaLR(optimizer, warmup)
sentences = torch.randint(0, 50, (100, 8))
with Inspector(net) as inspector:
    for step in range(60):
        ids = sentences[torch.randperm(100)[:32]]
        swapped = torch.where(torch.rand(ids.shape) < 0.15, torch.randint(0, 50, ids.shape), ids)
        a, b = (nn.functional.normalize(net(s), dim=-1) for s in (ids, swapped))
        loss = nn.functional.cross_entropy(a @ b.T / 0.1, torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()  # shows
        scheduler.step()
diagnosis = inspector.diagnose()
