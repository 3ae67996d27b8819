"""A question and a document tower that end in a ReLU each, and stay in cones of their own.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

question = nn.Sequential(nn.Linear(24, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU())
document = nn.Sequential(nn.Linear(40, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU())
asked, written = torch.randn(30, 24), torch.randn(30, 40)
optimizer = torch.optim.Adam([*question.parameters(), *document.parameters()], lr=1e-3)

with Inspector({"question": question, "document": document}) as inspector:
    for _ in range(60):
        topic = torch.randint(0, 30, (64,))
        q = question(asked[topic] + 0.3 * torch.randn(64, 24))
        d = document(written[topic] + 0.3 * torch.randn(64, 40))
        scores = F.normalize(q, dim=1) @ F.normalize(d, dim=1).t() / 0.07
        same = (topic[:, None] == topic[None, :]).float()
        loss = -(scores.log_softmax(1) * same / same.sum(1, keepdim=True)).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
