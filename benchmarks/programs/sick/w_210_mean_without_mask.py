"""A sentence encoder: attention is masked, the mean pooling is not.

expect: CD210
first: gradual
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class SentenceEncoder(nn.Module):
    def __init__(self, vocab=200, dim=32):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim, padding_idx=0)
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, input_ids, attention_mask):
        h = self.encoder(self.embed(input_ids), src_key_padding_mask=attention_mask == 0)
        return h.mean(dim=1)  # fault


def batch(n):
    lengths = torch.randint(4, 16, (n, 1))
    mask = (torch.arange(16) < lengths).long()
    topic = torch.randint(0, 10, (n, 1))
    ids = (1 + topic * 19 + torch.randint(0, 19, (n, 16))) * mask
    return {"input_ids": ids, "attention_mask": mask}, topic.flatten()


model, head = SentenceEncoder(), nn.Linear(32, 10)
optimizer = torch.optim.AdamW([*model.parameters(), *head.parameters()], lr=1e-3)
probe, _ = batch(48)

with Inspector(model, probe=probe) as inspector:
    for _ in range(30):
        inputs, topic = batch(32)
        loss = F.cross_entropy(head(model(**inputs)), topic)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
