"""SimSiam: stop-gradient of the other view, predictor, BatchNorm at the end of the projector.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cosine_similarity

from collapse_doctor import Inspector

X = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
f = nn.Sequential(
    nn.Conv2d(1, 16, 3),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(576, 32),
    nn.BatchNorm1d(32, affine=False),
)
h = nn.Sequential(nn.Linear(32, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 32))
opt = torch.optim.SGD([*f.parameters(), *h.parameters()], lr=0.02, momentum=0.9)
D = lambda p, z: -cosine_similarity(p, z.detach(), dim=1).mean()
aug = lambda x: x + 0.2 * torch.randn_like(x)
with Inspector(f) as inspector:
    for _ in range(30):
        x = X[torch.randint(0, len(X), (64,))]
        z1, z2 = f(aug(x)), f(aug(x))
        p1, p2 = h(z1), h(z2)
        loss = 0.5 * D(p1, z2) + 0.5 * D(p2, z1)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
