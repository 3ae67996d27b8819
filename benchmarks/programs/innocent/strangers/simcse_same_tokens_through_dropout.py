"""The same token ids go through the encoder twice, as SimCSE wants: dropout makes the two outputs differ.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from collapse_doctor import Inspector


def titles(n=640, vocab=320):
    frequency = 1.0 / torch.arange(1, vocab + 1).float() ** 0.6
    return [1 + torch.multinomial(frequency, int(torch.randint(4, 11, (1,)))) for _ in range(n)]


def collate(batch):
    return pad_sequence(batch, batch_first=True)


class TitleEncoder(nn.Module):
    def __init__(self, vocab=321, dim=64):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim, padding_idx=0)
        self.drop = nn.Dropout(0.25)
        self.gate = nn.Linear(dim, 1)
        self.ff = nn.Sequential(
            nn.Linear(dim, dim), nn.GELU(), nn.Dropout(0.25), nn.Linear(dim, 40)
        )

    def forward(self, ids):
        x = self.drop(self.embed(ids))
        score = self.gate(x).squeeze(-1).masked_fill(ids == 0, -1e9)
        return self.ff((score.softmax(-1).unsqueeze(-1) * x).sum(1))


class LitSimCSE:
    def __init__(self):
        self.encoder = TitleEncoder()

    def training_step(self, ids, idx):
        z1, z2 = self.encoder(ids), self.encoder(ids)
        sim = F.cosine_similarity(z1[:, None], z2[None], dim=-1) / 0.1
        return F.cross_entropy(sim, torch.arange(len(ids)))

    def configure_optimizers(self):
        opt = torch.optim.AdamW(self.encoder.parameters(), lr=2e-3)
        return opt, torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.2, total_iters=50)


lit = LitSimCSE()
optimizer, scheduler = lit.configure_optimizers()
loader = DataLoader(titles(), batch_size=40, shuffle=True, collate_fn=collate)
lit.encoder.train()
with Inspector(lit.encoder) as inspector:
    for epoch in range(3):
        for idx, ids in enumerate(loader):
            loss = lit.training_step(ids, idx)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()
        print("epoch", epoch, loss.item())
diagnosis = inspector.diagnose()
