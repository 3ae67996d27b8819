"""SimCSE as one module that returns an output object: dropout was to make the views, and is 0.

expect: CD107
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@dataclass
class Output:
    loss: Tensor
    accuracy: Tensor


class SimCSE(nn.Module):
    def __init__(self, words=120, width=40, dropout=0.0):
        super().__init__()
        self.embeddings = nn.Embedding(words, width)
        self.dropout = nn.Dropout(dropout)  # fault
        self.pooler = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 24))

    def sentence(self, ids):
        return self.pooler(self.dropout(self.embeddings(ids)).mean(1))

    def forward(self, input_ids):
        first = self.sentence(input_ids)
        second = self.sentence(input_ids)  # shows
        scores = F.cosine_similarity(first[:, None], second[None], dim=-1) / 0.05  # meets
        labels = torch.arange(len(scores))
        right = (scores.argmax(1) == labels).float().mean()
        return Output(F.cross_entropy(scores, labels), right)


model = SimCSE()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for _ in range(30):
        out = model(input_ids=torch.randint(0, 120, (32, 9)))
        optimizer.zero_grad()
        out.loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
