"""``nn.CosineSimilarity()`` as a member, its default dimension, for queries against documents.

expect: CD206
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Retriever(nn.Module):
    def __init__(self, vocabulary=200, width=20):
        super().__init__()
        self.words = nn.EmbeddingBag(vocabulary, 40)
        self.query, self.document = nn.Linear(40, width), nn.Linear(40, width)

    def forward(self, q, d):
        return self.query(self.words(q)), self.document(self.words(d))


class InBatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.cos = nn.CosineSimilarity()
        self.ce = nn.CrossEntropyLoss()

    def forward(self, q, d):
        scores = self.cos(q[None], d[:, None]) * 20  # fault
        return self.ce(scores, torch.arange(len(q)) % scores.shape[1])


model, criterion = Retriever(), InBatch()
opt = torch.optim.AdamW(model.parameters(), 1e-3)
with Inspector(model) as inspector:
    for step in range(50):
        topic = torch.randint(0, 180, (24, 1))
        q, d = (topic + torch.randint(0, 20, (24, n)) for n in (4, 9))
        loss = criterion(*model(q, d))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
