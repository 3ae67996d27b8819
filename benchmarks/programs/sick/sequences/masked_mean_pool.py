"""A sentence encoder with a masked mean pool, compared with the sentences before.

expect: CD106
first: 1
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@dataclass
class O:
    last_hidden_state: torch.Tensor
    pooler_output: torch.Tensor = None


class HF(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(100, 32)
        self.enc = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 1)

    def forward(self, input_ids, attention_mask):
        return O(self.enc(self.e(input_ids), src_key_padding_mask=attention_mask == 0))


def mean_pool(o, m):
    m = m.unsqueeze(-1).float()
    return (o.last_hidden_state * m).sum(1) / m.sum(1).clamp(min=1e-9)


model = HF()
optimizer = torch.optim.AdamW(model.parameters())
prev = None
with Inspector(model) as inspector:
    for _ in range(12):
        ids = torch.randint(0, 100, (16, 9))
        m = torch.ones_like(ids)
        m[:, 7:] = 0
        z = mean_pool(model(input_ids=ids, attention_mask=m), m)
        loss = 1 - F.cosine_similarity(z, prev).mean() if prev is not None else z.var()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        prev = z.detach()  # fault
diagnosis = inspector.diagnose()
