"""The item embedding serves as input and as output layer of a sequence recommender, which is deliberate tying.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class GRU4Rec(nn.Module):
    def __init__(self, n_items, d=40):
        super().__init__()
        self.items = nn.Embedding(n_items + 1, d, padding_idx=0)
        nn.init.normal_(self.items.weight, std=0.15)
        self.gru = nn.GRU(d, d, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(d, n_items + 1, bias=False)
        self.out.weight = self.items.weight

    def forward(self, seq):
        lengths = (seq > 0).sum(1)
        h, _ = self.gru(self.drop(self.items(seq)))
        user = h[torch.arange(len(seq)), lengths - 1]
        return user, self.out(user)


N = 90
follow = torch.stack([torch.randperm(N)[:3] + 1 for _ in range(N + 1)])


def sessions(n, longest=9):
    seq = torch.zeros(n, longest + 1, dtype=torch.long)
    seq[:, 0] = torch.randint(1, N + 1, (n,))
    for t in range(longest):
        seq[:, t + 1] = follow[seq[:, t], torch.randint(3, (n,))]
    length = torch.randint(4, longest + 1, (n,))
    target = seq[torch.arange(n), length]
    seq = seq[:, :longest].clone()
    seq[torch.arange(longest)[None] >= length[:, None]] = 0
    return seq, target


model = GRU4Rec(N)
opt = torch.optim.Adam(model.parameters(), lr=8e-3)
sched = torch.optim.lr_scheduler.StepLR(opt, 40, gamma=0.5)

with Inspector(model) as inspector:
    for step in range(75):
        seq, target = sessions(128)
        user, logits = model(seq)
        loss = F.cross_entropy(logits, target)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()
        if step % 15 == 0:
            hit = (logits.topk(10).indices == target[:, None]).any(1).float().mean()
            print(step, f"{loss.item():.3f} hit@10 {hit.item():.2f}")
diagnosis = inspector.diagnose()
