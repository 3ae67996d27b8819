"""A session recommender (GRU4Rec): items of the other sessions in the batch are the negatives, TOP1 loss.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

ITEMS = 60


def sessions(count, length=6):
    start = torch.randint(ITEMS, (count, 1))
    stride = torch.randint(1, 3, (count, 1))
    return (start + stride * torch.arange(length + 1)) % ITEMS


class GRU4Rec(nn.Module):
    def __init__(self):
        super().__init__()
        self.items = nn.Embedding(ITEMS + 1, 32, padding_idx=ITEMS)
        self.gru = nn.GRU(32, 48, batch_first=True)
        self.out = nn.Linear(48, 32)

    def forward(self, seq):
        states, _ = self.gru(self.items(seq))
        return self.out(states[:, -1])


net = GRU4Rec()
adam = torch.optim.Adam(net.parameters(), lr=4e-3)
with Inspector(net) as inspector:
    for _ in range(250):
        s = sessions(32)
        session, target = net(s[:, :-1]), net.items(s[:, -1])
        scores = session @ target.t()
        diff = scores - scores.diagonal().unsqueeze(1)
        loss = (torch.sigmoid(diff) + torch.sigmoid(scores.square())).mean()
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        adam.step()
diagnosis = inspector.diagnose()
