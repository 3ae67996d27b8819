"""SimCSE by dropout; a validation after two epochs leaves the model in eval mode.

expect: CD107
first: 16
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


@torch.no_grad()
def validate(model, sentences):
    model.eval()  # fault
    z = F.normalize(model(sentences), dim=1)
    return float(torch.pdist(z).mean())


sentences = torch.randint(0, 300, (128, 9))
model = SentenceEncoder()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

with Inspector(model) as inspector:
    for epoch in range(5):
        for ids in sentences.split(16):
            h1, h2 = model(ids), model(ids)  # shows
            sim = F.cosine_similarity(h1[:, None], h2[None], dim=-1) / 0.05  # meets
            loss = F.cross_entropy(sim, torch.arange(len(ids)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch >= 1:
            validate(model, sentences)

diagnosis = inspector.diagnose()
