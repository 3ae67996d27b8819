"""A code is held against its own unit vector, where the prototype's was meant.

expect: CD105
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import nn

from collapse_doctor import Inspector

wine = load_wine()
X = torch.from_numpy((wine.data - wine.data.mean(0)) / wine.data.std(0)).float()
Y = torch.from_numpy(wine.target)
net = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 16))
prototypes = nn.Parameter(torch.randn(3, 16))
opt = torch.optim.Adam([*net.parameters(), prototypes], lr=5e-3)


def prototype_loss(code, label):
    unit = F.normalize(prototypes, dim=1)
    logits = F.normalize(code, dim=1) @ unit.T * 8
    own = F.normalize(code, dim=1)  # fault
    near = 1 - F.cosine_similarity(code, own)  # meets
    return F.cross_entropy(logits, label) + near.mean()


with Inspector(net) as inspector:
    for _ in range(8):
        for chunk in torch.randperm(178).split(45)[:3]:
            opt.zero_grad()
            prototype_loss(net(X[chunk]), Y[chunk]).backward()
            opt.step()
diagnosis = inspector.diagnose()
