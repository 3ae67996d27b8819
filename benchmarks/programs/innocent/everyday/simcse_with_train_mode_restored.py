"""The same token ids go through the encoder twice, but dropout is on again after every validation.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

VOCAB, LEN, TOPICS = 220, 12, 40
topics = torch.randint(1, VOCAB, (TOPICS, 20))


def batch(n):
    topic = torch.randperm(TOPICS)[:n]
    ids = torch.stack([topics[t][torch.randint(20, (LEN,))] for t in topic])
    for r in range(n):
        ids[r, int(torch.randint(6, LEN + 1, ())) :] = 0
    return ids


class Encoder(nn.Module):
    def __init__(self, d=40):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, d, padding_idx=0)
        self.conv = nn.Conv1d(d, d, 3, padding=1)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(d, d)

    def forward(self, ids):
        mask = (ids != 0).float().unsqueeze(-1)
        e = self.drop(self.emb(ids)) * mask
        h = torch.tanh(self.conv(e.transpose(1, 2))).transpose(1, 2)
        return self.out(self.drop((h * mask).sum(1) / mask.sum(1)))


dev = batch(30)


def validate(model):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        a, b = model(dev), model(dev)  # deterministic in eval mode, as it should be
        ok = torch.allclose(a, b)
    model.train(was_training)
    return ok


enc = Encoder()
opt = torch.optim.Adam(enc.parameters(), lr=2e-3)

with Inspector(enc) as inspector:
    for step in range(60):
        if step and step % 20 == 0:
            print(step, loss.item(), "repeatable:", validate(enc))
        ids = batch(32)
        z1, z2 = enc(ids), enc(ids)
        sim = F.cosine_similarity(z1.unsqueeze(1), z2.unsqueeze(0), dim=-1) / 0.1
        loss = F.cross_entropy(sim, torch.arange(len(ids)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
