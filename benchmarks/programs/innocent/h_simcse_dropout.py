"""SimCSE as it should be: the same sentences twice, through different dropout masks.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Encoder(nn.Module):
    def __init__(self, vocab=200, d=32):
        super().__init__()
        self.emb = nn.Embedding(vocab, d)
        self.layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.1, batch_first=True)

    def forward(self, ids):
        return self.layer(F.dropout(self.emb(ids), 0.1, self.training)).mean(1)


corpus, net = torch.randint(0, 200, (400, 10)), Encoder()
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(40):
        ids = corpus[torch.randint(0, 400, (32,))]
        z1, z2 = net(ids), net(ids)
        sim = F.cosine_similarity(z1.unsqueeze(1), z2.unsqueeze(0), dim=-1) / 0.5
        loss = F.cross_entropy(sim, torch.arange(32))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
