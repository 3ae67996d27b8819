"""Sentence pairs in a HF-like model output; the second sentence's vector is the first's, detached.

expect: CD103
"""

from dataclasses import dataclass
from typing import Optional

import torch
from torch import nn

from collapse_doctor import Inspector


@dataclass
class PairOutput:
    loss: Optional[torch.Tensor] = None
    first: Optional[torch.Tensor] = None
    second: Optional[torch.Tensor] = None


class TinyBert(nn.Module):
    def __init__(self, vocab=100, hidden=32):
        super().__init__()
        self.embeddings = nn.Embedding(vocab, hidden, padding_idx=0)
        layer = nn.TransformerEncoderLayer(hidden, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, input_ids, attention_mask):
        h = self.encoder(self.embeddings(input_ids), src_key_padding_mask=~attention_mask)
        m = attention_mask.unsqueeze(-1)
        return (h * m).sum(1) / m.sum(1)


class PairModel(nn.Module):
    def __init__(self, bert):
        super().__init__()
        self.bert = bert
        self.loss_fct = nn.MSELoss()

    def forward(self, ids_a, ids_b, labels=None):
        first = self.bert(ids_a, ids_a.ne(0))
        second = first.detach()  # fault
        score = torch.cosine_similarity(first, second)  # meets
        loss = self.loss_fct(score, labels) if labels is not None else None
        return PairOutput(loss=loss, first=first, second=second)


model = PairModel(TinyBert())
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
with Inspector(model.bert) as inspector:
    for _ in range(18):
        a, b = torch.randint(1, 100, (2, 24, 9))
        a[:, 7:] = 0
        gold = torch.rand(24)
        output = model(a, b, labels=gold)
        output.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
diagnosis = inspector.diagnose()
