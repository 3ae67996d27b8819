"""The embedding is whitened with scikit-learn in the middle of the loss; the way back is lost.

expect: CD201
"""

import torch
from sklearn.decomposition import PCA
from torch import nn

from collapse_doctor import Inspector

backbone = nn.Sequential(nn.Linear(30, 64), nn.Tanh(), nn.Linear(64, 16))
projector = nn.Linear(8, 8)
opt = torch.optim.SGD([*backbone.parameters(), *projector.parameters()], lr=0.05)
mix = torch.randn(10, 30)


def whiten(z):
    w = PCA(8, whiten=True).fit_transform(z.detach().numpy())  # fault
    return torch.as_tensor(w, dtype=torch.float32)  # fault


with Inspector(backbone) as inspector:
    for _ in range(20):
        latent = torch.randn(64, 10)
        z = [backbone(latent @ mix + 0.2 * torch.randn(64, 30)) for _ in range(2)]
        p, q = (nn.functional.normalize(projector(whiten(v)), dim=1) for v in z)
        loss = nn.functional.cross_entropy(p @ q.T / 0.3, torch.arange(64))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
