"""Four interest heads are built as [head] * 4, which is one head four times, so the diversity penalty can never fall.

expect: CD108
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

N_ITEMS, SHELVES, SEQ = 260, 13, 12


class MultiInterest(nn.Module):
    def __init__(self, dim=32, interests=4):
        super().__init__()
        self.item = nn.Embedding(N_ITEMS, dim)
        head = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 1, bias=False))
        self.attend = nn.ModuleList([head] * interests)  # fault
        self.refine = nn.Linear(dim, dim)

    def forward(self, history):
        h = self.item(history)
        pools = [(score(h).softmax(dim=1) * h).sum(dim=1) for score in self.attend]
        return torch.stack([self.refine(p) for p in pools], dim=1)


def shopping(n):
    """Each shopper mixes three shelves; the next purchase comes from one of them."""
    shelf = torch.randint(0, SHELVES, (n, 3))
    which = torch.randint(0, 3, (n, SEQ + 1))
    items = shelf.gather(1, which) * (N_ITEMS // SHELVES) + torch.randint(
        0, N_ITEMS // SHELVES, (n, SEQ + 1)
    )
    return items[:, :-1], items[:, -1]


def diversity(interests):
    total, k = 0.0, interests.shape[1]
    for i in range(k):
        for j in range(i + 1, k):
            total = (
                total + F.cosine_similarity(interests[:, i], interests[:, j], dim=-1).relu().mean()
            )  # meets
    return 2 * total / (k * (k - 1))


def sampled_softmax(model, interests, target, n_neg=60):
    negatives = torch.randint(0, N_ITEMS, (n_neg,))
    goal = model.item(target)
    chosen = (interests @ goal.unsqueeze(-1)).squeeze(-1).argmax(dim=1)
    user = interests[torch.arange(len(target)), chosen]
    logits = torch.cat(
        [(user * goal).sum(-1, keepdim=True), user @ model.item(negatives).t()], dim=1
    )
    return F.cross_entropy(logits, torch.zeros(len(target), dtype=torch.long))


model = MultiInterest()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
with Inspector(model) as inspector:
    for step in range(48):
        history, target = shopping(90)
        interests = model(history)
        loss = sampled_softmax(model, interests, target) + 0.5 * diversity(interests)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 12 == 0:
            print(step, loss.item(), "diversity penalty", diversity(interests.detach()).item())
diagnosis = inspector.diagnose()
