"""Pseudo-targets embedded at the start of the first epoch, meant to be made anew in each.

expect: CD106
first: 1
"""

import torch
from sklearn.datasets import make_blobs
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector

features, classes = make_blobs(n_samples=320, n_features=20, centers=8, cluster_std=3.0)
features = torch.tensor(features / features.std(), dtype=torch.float32)
classes = torch.tensor(classes)
partner = torch.stack(
    [(classes == c).nonzero()[torch.randint(0, 40, (1,))].squeeze() for c in classes]
)

net = nn.Sequential(nn.Linear(20, 50), nn.GELU(), nn.Linear(50, 16))
clf = nn.Linear(16, 8)
loader = DataLoader(TensorDataset(torch.arange(320)), batch_size=64, shuffle=True)
opt = torch.optim.Adam([*net.parameters(), *clf.parameters()], lr=2e-3)


@torch.no_grad()
def embed_all():
    return net(features)


with Inspector(net) as inspector:
    pseudo = embed_all()  # fault
    for epoch in range(8):
        for (i,) in loader:
            z = net(features[i])
            pull = nn.functional.mse_loss(z, pseudo[partner[i]])  # meets
            loss = nn.functional.cross_entropy(clf(z), classes[i]) + pull
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
