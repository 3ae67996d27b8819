"""RankNet: all differences of scores in a list, (B, 1) against (B,), on purpose.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

encoder = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 16))
score = nn.Linear(16, 1)
optimizer = torch.optim.Adam([*encoder.parameters(), *score.parameters()], lr=3e-3)
relevance = torch.randn(12)
with Inspector(encoder) as inspector:
    for _ in range(50):
        documents = torch.randn(40, 12)
        truth = documents @ relevance
        s = score(encoder(documents)).squeeze(-1)
        difference = s.unsqueeze(1) - s
        better = (truth.unsqueeze(1) > truth).float()
        loss = F.binary_cross_entropy_with_logits(difference, better)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
