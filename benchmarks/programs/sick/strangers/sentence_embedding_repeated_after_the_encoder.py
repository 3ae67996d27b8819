"""SimCSE needs the tokens repeated before the dropout encoder; here the finished embedding is repeated instead.

expect: CD104
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from collapse_doctor import Inspector

PAD = 0


def corpus(n=400, topics=15, per_topic=20):
    out = []
    for _ in range(n):
        topic = int(torch.randint(topics, (1,)))
        size = int(torch.randint(5, 14, (1,)))
        out.append(1 + topic * per_topic + torch.randint(0, per_topic, (size,)))
    return out


def collate(sentences):
    ids = pad_sequence(sentences, batch_first=True, padding_value=PAD)
    return {"input_ids": ids, "attention_mask": (ids != PAD)}


class SentenceTransformer(nn.Module):
    def __init__(self, vocab=301, width=48, heads=4):
        super().__init__()
        self.tok = nn.Embedding(vocab, width, padding_idx=PAD)
        self.pos = nn.Parameter(0.02 * torch.randn(1, 16, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 96, dropout=0.15, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.pooler = nn.Linear(width, width)

    def forward(self, input_ids, attention_mask):
        h = self.tok(input_ids) + self.pos[:, : input_ids.shape[1]]
        h = self.layers(h, src_key_padding_mask=~attention_mask)
        m = attention_mask.unsqueeze(-1)
        return self.pooler((h * m).sum(1) / m.sum(1))


class SimCSE:
    temperature = 0.1

    def __init__(self, encoder):
        self.encoder = encoder

    def __call__(self, batch):
        pooled = self.encoder(**batch).repeat(2, 1)  # fault
        z1, z2 = pooled.chunk(2)
        cos = F.cosine_similarity(z1.unsqueeze(1), z2.unsqueeze(0), dim=-1)  # meets
        return F.cross_entropy(cos / self.temperature, torch.arange(len(cos)))


encoder = SentenceTransformer()
objective = SimCSE(encoder)
loader = DataLoader(corpus(), batch_size=25, shuffle=True, collate_fn=collate)
optimizer = torch.optim.AdamW(encoder.parameters(), lr=5e-4)
encoder.train()

with Inspector(encoder) as inspector:
    for epoch in range(2):
        for batch in loader:
            loss = objective(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print("epoch", epoch, loss.item())

diagnosis = inspector.diagnose()
