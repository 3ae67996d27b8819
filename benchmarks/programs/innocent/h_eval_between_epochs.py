"""An evaluation after each epoch compares the embeddings of the validation set with themselves.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)
net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.1), nn.Linear(96, 24))
head = nn.Linear(24, 10)
opt = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=3e-3)


@torch.no_grad()
def nearest_neighbour_accuracy():
    net.eval()
    z = F.normalize(net(X[1500:]), dim=1)
    sim = z @ z.T
    self_similarity = F.cosine_similarity(z, z)
    assert torch.allclose(self_similarity, torch.ones(len(z)), atol=1e-4)
    sim.fill_diagonal_(-2)
    net.train()
    return (Y[1500:][sim.argmax(1)] == Y[1500:]).float().mean().item()


scores = []
with Inspector(net) as inspector:
    for epoch in range(3):
        for i in torch.randperm(1500).split(100):
            loss = F.cross_entropy(head(net(X[i])), Y[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
        scores.append(nearest_neighbour_accuracy())
diagnosis = inspector.diagnose()
