"""Metric learning script: dict.fromkeys evaluates the encoder once, so anchor and positive are one.

expect: CD101
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16.0, dtype=torch.float32)
y = torch.tensor(y)

encoder = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 24))
head = nn.Linear(24, 10)
opt = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=2e-3)
cosine = nn.CosineSimilarity(dim=-1)

with Inspector(encoder) as inspector:
    for step in range(30):
        idx = torch.randint(0, len(X), (64,))
        feats = dict.fromkeys(("anchor", "positive"), encoder(X[idx]))  # fault
        pull = 1 - cosine(feats["anchor"], feats["positive"]).mean()  # meets
        loss = nn.functional.cross_entropy(head(feats["anchor"]), y[idx]) + pull
        opt.zero_grad()
        loss.backward()
        opt.step()

diagnosis = inspector.diagnose()
