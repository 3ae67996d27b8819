"""Retrieval with two encoders: the documents' one, too, is given the queries.

expect: CD107
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@dataclass
class Batch:
    query: Tensor
    document: Tensor


class Retriever(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.query_encoder = nn.Sequential(nn.Linear(20, 40), nn.Tanh(), nn.Linear(40, width))
        self.document_encoder = nn.Sequential(nn.Linear(20, 60), nn.Tanh(), nn.Linear(60, width))

    def scores(self, batch):
        q = F.normalize(self.query_encoder(batch.query), dim=-1)
        d = F.normalize(self.document_encoder(batch.query), dim=-1)  # fault
        return torch.matmul(q, d.T) / 0.1  # meets


retriever = Retriever()
encoders = {"queries": retriever.query_encoder, "documents": retriever.document_encoder}
optimizer = torch.optim.Adam(retriever.parameters(), lr=1e-3)
with Inspector(encoders) as inspector:
    for _ in range(30):
        topic = torch.randn(48, 20)
        batch = Batch(topic + 0.2 * torch.randn(48, 20), topic.flip(1) + 0.2 * torch.randn(48, 20))
        loss = F.cross_entropy(retriever.scores(batch), torch.arange(48))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
