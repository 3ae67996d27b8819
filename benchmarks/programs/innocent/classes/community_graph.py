"""Semi-supervised labelling of a graph of strong communities, one-hot features, few labelled nodes.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

n, k = 180, 4
block = torch.arange(n) % k
prob = torch.where(block[:, None] == block[None], 0.15, 0.01)
A = torch.bernoulli(prob).triu(1)
A = A + A.T + torch.eye(n)
d = A.sum(1).rsqrt()
A_hat = (d[:, None] * A * d[None]).to_sparse()
features = torch.eye(n)
known = torch.randperm(n)[:40]


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1, self.w2 = nn.Linear(n, 16), nn.Linear(16, k)
        self.drop = nn.Dropout(0.5)

    def forward(self, x, a):
        h = torch.relu(torch.sparse.mm(a, self.w1(self.drop(x))))
        return torch.sparse.mm(a, self.w2(self.drop(h))), h


gcn = GCN()
opt = torch.optim.Adam(gcn.parameters(), lr=0.01, weight_decay=5e-4)
with Inspector(gcn) as inspector:
    for epoch in range(200):
        gcn.train()
        logits, _ = gcn(features, A_hat)
        loss = F.cross_entropy(logits[known], block[known])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if epoch % 20 == 19:
            gcn.eval()
            with torch.no_grad():
                gcn(features, A_hat)[0].argmax(1).eq(block).float().mean()
diagnosis = inspector.diagnose()
