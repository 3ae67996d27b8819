"""The closest sample of the same class is searched without leaving out the sample itself.

expect: CD104
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

N_IDENT, D_IN, D_OUT = 12, 40, 16
identity_means = torch.randn(N_IDENT, D_IN)


def pk_batch(p=8, k=6):
    ids = torch.randperm(N_IDENT)[:p].repeat_interleave(k)
    return identity_means[ids] + 1.8 * torch.randn(p * k, D_IN), ids


def mine(emb, ids):
    """easy positive + hardest negative for every anchor of the batch"""
    with torch.no_grad():
        sim = emb @ emb.T
        same = ids[:, None] == ids[None, :]
        pos_idx = sim.masked_fill(~same, -2.0).argmax(dim=1)  # fault
        neg_idx = sim.masked_fill(same, -2.0).argmax(dim=1)
    return emb[pos_idx], emb[neg_idx]


class ReIDNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(D_IN, 80)
        self.bn = nn.BatchNorm1d(80)
        self.l2 = nn.Linear(80, D_OUT)

    def forward(self, x):
        return F.normalize(self.l2(F.leaky_relu(self.bn(self.l1(x)), 0.1)), dim=1)


net = ReIDNet()
opt = torch.optim.RMSprop(net.parameters(), lr=5e-4)

with Inspector(net) as inspector:
    for step in range(55):
        x, ids = pk_batch()
        emb = net(x)
        positive, negative = mine(emb, ids)
        s_ap = F.cosine_similarity(emb, positive)  # meets
        s_an = F.cosine_similarity(emb, negative)
        loss = F.relu(s_an - s_ap + 0.5).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 11 == 0:
            print(
                step, f"{loss.item():.4f} pos {s_ap.mean().item():.3f} neg {s_an.mean().item():.3f}"
            )
diagnosis = inspector.diagnose()
