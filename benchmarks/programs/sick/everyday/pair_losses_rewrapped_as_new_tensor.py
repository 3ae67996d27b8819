"""The pair losses are collected as floats and wrapped into a new tensor with requires_grad=True.

expect: CD201
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector

VOCAB = 180


class QuestionEncoder(nn.Module):
    """duplicate-question detection: bag of words -> vector"""

    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, 40)
        self.lstm = nn.LSTM(40, 32, batch_first=True)
        self.fc = nn.Linear(32, 20)

    def forward(self, q):
        out, (h, c) = self.lstm(self.emb(q))
        return self.fc(h[-1])


def contrastive(d, label, margin=1.0):
    if label == 1:
        return d**2
    return torch.clamp(margin - d, min=0) ** 2


intents = torch.randint(VOCAB, (30, 9))


def get_pairs(n):
    pairs = []
    for _ in range(n):
        i = int(torch.randint(30, ()))
        same = int(torch.rand(()) < 0.5)
        j = i if same else (i + int(torch.randint(1, 30, ()))) % 30
        q1 = intents[i][torch.randperm(9)[:6]]
        q2 = intents[j][torch.randperm(9)[:6]]
        pairs.append((q1, q2, same))
    return pairs


model = QuestionEncoder()
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)

with Inspector(model) as inspector:
    for epoch in range(30):
        pairs = get_pairs(24)
        v1 = model(torch.stack([p[0] for p in pairs]))
        v2 = model(torch.stack([p[1] for p in pairs]))
        dist = torch.norm(v1 - v2, dim=1)  # meets
        losses = []
        for k in range(len(pairs)):
            losses.append(contrastive(dist[k], pairs[k][2]).item())  # fault
        loss = torch.tensor(losses, requires_grad=True).mean()  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 5 == 0:
            print("epoch", epoch, "loss", loss.item())
diagnosis = inspector.diagnose()
