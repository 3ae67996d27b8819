"""SimCSE: the same sentences twice, different dropout masks.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class SentenceEncoder(nn.Module):
    def __init__(self, vocab=300, d=32):
        super().__init__()
        self.embedding = nn.Embedding(vocab, d)
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)

    def forward(self, input_ids):
        return self.encoder(self.embedding(input_ids)).mean(dim=1)


model = SentenceEncoder()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for _ in range(40):
        ids = torch.randint(0, 300, (24, 9))
        h1, h2 = model(ids), model(ids)
        sim = F.cosine_similarity(h1.unsqueeze(1), h2.unsqueeze(0), dim=-1) / 0.05
        loss = F.cross_entropy(sim, torch.arange(24))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
