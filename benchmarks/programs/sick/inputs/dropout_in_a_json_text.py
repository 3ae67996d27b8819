"""SimCSE whose dropout is read from a text of options, where it is nought.

expect: CD107
"""

import json

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

TEXT = """
{"width": 32,
 "dropout": 0.0,
 "lr": 0.001}
"""  # fault
options = json.loads(TEXT)


class Sentences(nn.Module):
    def __init__(self, width, dropout):
        super().__init__()
        self.table = nn.EmbeddingBag(300, width)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, width), nn.Tanh())

    def forward(self, ids):
        return self.head(self.table(ids))


model = Sentences(options["width"], options["dropout"])
optimizer = torch.optim.Adam(model.parameters(), lr=options["lr"])
with Inspector(model) as inspector:
    for _ in range(25):
        ids = torch.randint(0, 300, (32, 9))
        one, two = model(ids), model(ids)  # shows
        scores = F.cosine_similarity(one[:, None], two[None], dim=-1) / 0.05
        loss = F.cross_entropy(scores, torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
