"""The validation puts the sentence encoder into eval mode and nobody puts it back, so dropout views are equal.

expect: CD107
first: 25
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

PAD, VOCAB, MAXLEN = 0, 250, 14
topics = torch.randint(1, VOCAB, (15, 25))


def sentences(n):
    ids = torch.zeros(n, MAXLEN, dtype=torch.long)
    topic = torch.randint(15, (n,))
    for r in range(n):
        length = int(torch.randint(5, MAXLEN + 1, ()))
        ids[r, :length] = topics[topic[r]][torch.randint(25, (length,))]
    return ids, topic


class SentenceEncoder(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, d, padding_idx=PAD)
        self.pos = nn.Parameter(torch.randn(MAXLEN, d) * 0.1)
        layer = nn.TransformerEncoderLayer(d, 4, 96, dropout=0.15, batch_first=True)
        self.tr = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.drop = nn.Dropout(0.15)

    def forward(self, ids):
        mask = ids != PAD
        h = self.tr(self.drop(self.tok(ids) + self.pos), src_key_padding_mask=~mask)
        w = mask.unsqueeze(-1).float()
        return (h * w).sum(1) / w.sum(1)


dev_ids, dev_topic = sentences(60)


def validate(model):
    model.eval()  # fault
    with torch.no_grad():
        z = F.normalize(model(dev_ids), dim=-1)
        sim = z @ z.T - 2 * torch.eye(len(z))
    return (dev_topic[sim.argmax(1)] == dev_topic).float().mean().item()


encoder = SentenceEncoder()
opt = torch.optim.AdamW(encoder.parameters(), lr=8e-4)
encoder.train()

with Inspector(encoder) as inspector:
    for step in range(50):
        if step > 0 and step % 25 == 0:
            print("step", step, "dev 1-nn accuracy", validate(encoder))
        ids, _ = sentences(40)
        z1 = F.normalize(encoder(ids), dim=-1)
        z2 = F.normalize(encoder(ids), dim=-1)  # shows
        logits = z1 @ z2.T / 0.1  # meets
        loss = F.cross_entropy(logits, torch.arange(len(ids)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
