"""A critic gives one score for each row, and the scores are compared by cosine_embedding_loss.

expect: CD105
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def objective(scorer, criterion, left, right):
    sign = torch.ones(len(left))
    return criterion(scorer(left), scorer(right), sign)  # fault # meets


scorer = nn.Sequential(nn.Linear(12, 30), nn.Tanh(), nn.Linear(30, 1))
optimizer = torch.optim.RMSprop(scorer.parameters(), lr=1e-3)
with Inspector(scorer) as inspector:
    for _ in range(25):
        x = torch.randn(32, 12)
        loss = objective(scorer, nn.CosineEmbeddingLoss(), x, x + 0.3 * torch.randn(32, 12))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
