"""Mean pooling with its mask, attention with its mask; a probe is given and finds nothing.

expect: healthy
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
        mask = attention_mask.unsqueeze(-1).to(h.dtype)
        return (h * mask).sum(1) / mask.sum(1)


def batch(n):
    mask = (torch.arange(16) < torch.randint(4, 17, (n, 1))).long()
    topic = torch.randint(0, 10, (n, 1))
    ids = (1 + topic * 19 + torch.randint(0, 19, (n, 16))) * mask
    return {"input_ids": ids, "attention_mask": mask}, topic.flatten()


model, head = SentenceEncoder(), nn.Linear(32, 10)
optimizer = torch.optim.AdamW([*model.parameters(), *head.parameters()], lr=1e-3)
probe, _ = batch(96)
with Inspector(model, probe=probe) as inspector:
    for _ in range(40):
        inputs, topic = batch(32)
        loss = F.cross_entropy(head(model(**inputs)), topic)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
