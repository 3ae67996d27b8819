"""A small transformer reads ids and classifies them by sums; its probe is a mapping with a mask.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(40, 32, padding_idx=0)
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 3)
        self.spare = nn.Linear(32, 8)
        self.spare.requires_grad_(False)

    def forward(self, ids, mask):
        h = self.body(self.table(ids), src_key_padding_mask=~mask)
        pooled = (h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return {"pooled": pooled, "logits": self.head(pooled)}


def draw(n):
    ids = torch.randint(1, 40, (n, 9))
    mask = torch.arange(9) < torch.randint(3, 10, (n, 1))
    return ids * mask, mask, (ids * mask).sum(1) % 3


model = Reader()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-3)
ids, mask, _ = draw(64)
with Inspector(model, probe={"ids": ids, "mask": mask}) as inspector:
    for _ in range(80):
        ids, mask, y = draw(64)
        loss = F.cross_entropy(model(ids, mask)["logits"], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
