"""R-Drop: the same input twice with dropout, symmetric divergence of the predictions.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy, kl_div

from collapse_doctor import Inspector

X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X / 16).float(), torch.tensor(Y)
features = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, 24))
head = nn.Linear(24, 10)
opt = torch.optim.AdamW([*features.parameters(), *head.parameters()], lr=3e-3)
with Inspector(features) as inspector:
    for _ in range(45):
        i = torch.randint(0, len(X), (64,))
        p, q = (head(features(X[i])).log_softmax(1) for _ in range(2))
        same = kl_div(p, q, log_target=True, reduction="batchmean") + kl_div(
            q, p, log_target=True, reduction="batchmean"
        )
        loss = cross_entropy(p, Y[i]) + cross_entropy(q, Y[i]) + 0.25 * same
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
