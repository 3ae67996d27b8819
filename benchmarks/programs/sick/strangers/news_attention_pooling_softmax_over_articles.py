"""The attention weights of the pooling are soft-maxed with dim=0: they sum to 1 over the articles of the batch instead of over the words of one article.

expect: CD206
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class AttentionPooling(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dim, 16), nn.Tanh(), nn.Linear(16, 1, bias=False))

    def forward(self, h, mask):
        e = self.score(h).squeeze(-1)
        e = e.masked_fill(~mask, -1e4)
        alpha = torch.softmax(e, dim=0)  # fault
        return torch.bmm(alpha.unsqueeze(1), h).squeeze(1)


class NewsEncoder(nn.Module):
    def __init__(self, vocab=400, dim=40):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim, padding_idx=0)
        self.conv = nn.Conv1d(dim, dim, 3, padding=1)
        self.pool = AttentionPooling(dim)

    def forward(self, ids):
        mask = ids > 0
        h = self.embed(ids)
        h = h + F.relu(self.conv(h.transpose(1, 2))).transpose(1, 2)
        return self.pool(h, mask)


def newsroom(n, max_len=14):
    """Title and body of n articles; the 25 desks have words of their own."""
    desk = torch.randint(25, (n, 1))

    def text(length):
        ids = 1 + desk * 12 + torch.randint(0, 12, (n, length))
        stop = torch.rand(n, length) < 0.3
        ids[stop] = torch.randint(301, 400, (int(stop.sum()),))
        lengths = torch.randint(4, length + 1, (n, 1))
        return ids * (torch.arange(length) < lengths)

    return text(6), text(max_len)


def step_loss(model, batch, margin=0.3):
    title, body = (F.normalize(model(part), dim=1) for part in batch)
    sim = title @ body.T  # meets
    gold = sim.diagonal().unsqueeze(1)
    hinge = F.relu(margin + sim - gold)
    return (hinge * (1 - torch.eye(len(sim)))).sum(1).mean()


torch.manual_seed(14)
model = NewsEncoder()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
with Inspector({"news": model, "pool": model.pool}) as inspector:
    for it in range(45):
        loss = step_loss(model, newsroom(36))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
