"""TransE whose corrupted triples have another head or another tail.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

ENTITIES, RELATIONS = 200, 7


class TransE(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.entity = nn.Embedding(ENTITIES, width)
        self.relation = nn.Embedding(RELATIONS, width)

    def forward(self, triples):
        head, relation, tail = triples.unbind(-1)
        moved = F.normalize(self.entity(head), dim=-1) + self.relation(relation)
        return moved - F.normalize(self.entity(tail), dim=-1)


def corrupt(triples):
    coin = torch.rand(len(triples)) < 0.5
    other = torch.randint(0, ENTITIES, (len(triples),))
    head, relation, tail = triples.unbind(-1)
    head = torch.where(coin, other, head)
    tail = torch.where(coin, tail, other)
    return torch.stack((head, relation, tail), dim=-1)


facts = torch.stack(
    (
        torch.randint(0, ENTITIES, (600,)),
        torch.randint(0, RELATIONS, (600,)),
        torch.randint(0, ENTITIES, (600,)),
    ),
    dim=-1,
)
model = TransE()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
with Inspector(model) as inspector:
    for _ in range(5):
        for batch in facts[torch.randperm(len(facts))].split(64):
            true, false = model(batch), model(corrupt(batch))
            gap = true.norm(dim=-1) - false.norm(dim=-1)
            loss = F.relu(1.0 + gap).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
