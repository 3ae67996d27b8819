"""CLIP-like with normalize along dim 0: the columns have unit norm, the rows have not.

expect: CD206
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Clip(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual = nn.Sequential(nn.Linear(36, 64), nn.ReLU(), nn.Linear(64, 24))
        self.text = nn.Sequential(nn.EmbeddingBag(80, 32), nn.Linear(32, 24))
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, pixels, ids):
        image = F.normalize(self.visual(pixels), dim=0)  # fault
        text = F.normalize(self.text(ids), dim=0)  # fault
        return self.scale.exp() * image @ text.T


pictures = torch.randn(80, 36)
net = Clip()
opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
with Inspector({"visual": net.visual, "text": net.text}) as inspector:
    for _ in range(30):
        ids = torch.randint(0, 80, (48, 4))
        logits = net(pictures[ids].mean(1) + 0.1 * torch.randn(48, 36), ids)
        truth = torch.arange(48)
        loss = F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
