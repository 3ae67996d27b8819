"""A helper `embed()` written for inference, with its decorator, is re-used for training.

expect: CD201
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class SearchModel(nn.Module):
    def __init__(self, vocab=400, dim=24):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab, dim, mode="mean")
        self.out = nn.Linear(dim, dim)
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, ids):
        return self.out(torch.tanh(self.bag(ids)))

    @torch.no_grad()  # fault
    def embed(self, ids):
        return F.normalize(self(ids), dim=-1)

    def loss(self, query, passage):
        q, p = self.embed(query), self.embed(passage)  # fault
        scores = 20 * torch.einsum("qd,pd->qp", q, p) + self.bias  # meets
        return F.binary_cross_entropy_with_logits(scores, torch.eye(len(q)))


model = SearchModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
with Inspector(model) as inspector:
    for _ in range(30):
        topic = torch.randint(0, 20, (32, 1)) * 20
        query, passage = (
            topic + torch.randint(0, 20, (32, 5)),
            topic + torch.randint(0, 20, (32, 15)),
        )
        loss = model.loss(query, passage)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
