"""Answers of a questionnaire as numbers from 1 to 5, of which two columns are always equal.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

torch.manual_seed(1)
answers = torch.randint(1, 6, (400, 6))
answers[:, 1] = answers[:, 0]
target = (answers.float().mean(1, keepdim=True) > 3).float()
model = nn.Sequential(nn.Embedding(6, 8), nn.Flatten(), nn.Linear(48, 24))
head = nn.Linear(24, 1)
opt = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=3e-3)
with Inspector(model) as inspector:
    for _ in range(50):
        rows = torch.randint(0, 400, (64,))
        loss = F.binary_cross_entropy_with_logits(head(model(answers[rows])), target[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
