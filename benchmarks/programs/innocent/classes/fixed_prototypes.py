"""Prototypes fixed on the sphere; each row is drawn to its own by the squared cosine distance.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16.0).float(), torch.tensor(y)
prototypes = F.normalize(torch.linalg.qr(torch.randn(24, 24))[0][:10], dim=1)

net = torch.nn.Sequential(
    torch.nn.Linear(64, 100),
    torch.nn.ELU(),
    torch.nn.Linear(100, 100),
    torch.nn.ELU(),
    torch.nn.Linear(100, 24),
)
adam = torch.optim.Adam(net.parameters(), lr=2e-3)
watch = Inspector(net)
with watch:
    for _ in range(350):
        b = torch.randint(len(x), (64,))
        loss = (1 - F.cosine_similarity(net(x[b]), prototypes[y[b]], eps=1e-9)).pow(2).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
diagnosis = watch.diagnose()
