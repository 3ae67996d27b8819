"""Tabular contrast: the corrupted view is cloned from the embedding, the corruption never happens.

expect: CD104
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

from collapse_doctor import Inspector

table = torch.tensor(scale(load_breast_cancer().data), dtype=torch.float32)
f = torch.nn.Sequential(torch.nn.Linear(30, 64), torch.nn.ReLU(), torch.nn.Linear(64, 24))
g = torch.nn.Linear(24, 30)
opt = torch.optim.Adam([*f.parameters(), *g.parameters()], lr=1e-3)

with Inspector(f) as inspector:
    for _ in range(30):
        x = table[torch.randint(0, len(table), (56,))]
        z = f(x)
        z_corrupt = z.clone()  # fault
        same = F.cosine_embedding_loss(z, z_corrupt, torch.ones(56))  # meets
        loss = same + F.mse_loss(g(z), x)
        opt.zero_grad()
        loss.backward()
        opt.step()

diagnosis = inspector.diagnose()
