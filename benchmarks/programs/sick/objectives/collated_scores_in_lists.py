"""A collate function puts every score into a list of its own: cosines (B,) meet scores (B, 1).

expect: CD205
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


def collate(items):
    left, right, scores = zip(*items)
    return torch.stack(left), torch.stack(right), torch.tensor([[s] for s in scores])  # fault


class Sentences(torch.utils.data.Dataset):
    def __init__(self, count=320):
        self.a, self.b = torch.randn(2, count, 20)
        self.b = torch.where(torch.rand(count, 1) < 0.5, self.a + 0.3 * self.b, self.b)
        self.s = F.cosine_similarity(self.a, self.b).tolist()

    def __len__(self):
        return len(self.s)

    def __getitem__(self, i):
        return self.a[i], self.b[i], self.s[i]


torch.manual_seed(4)
net = nn.Sequential(nn.Linear(20, 48), nn.GELU(), nn.Linear(48, 16))
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
loader = torch.utils.data.DataLoader(Sentences(), batch_size=32, shuffle=True, collate_fn=collate)
with Inspector(net) as inspector:
    for epoch in range(4):
        for i, (a, b, score) in enumerate(loader):
            cosine = F.cosine_similarity(net(a), net(b))
            loss = (cosine - score).abs().mean()  # meets
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
