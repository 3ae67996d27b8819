"""The same sentences twice, their two views made by dropout.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

model = nn.Sequential(
    nn.Embedding(500, 64),
    nn.Flatten(1),
    nn.Dropout(0.1),
    nn.Linear(640, 64),
    nn.Tanh(),
    nn.Dropout(0.1),
)
optimizer = torch.optim.AdamW(model.parameters(), 0.001)
D = torch.randint(0, 500, (400, 10))
with Inspector(model) as inspector:
    for k in range(100):
        b = D[torch.randint(0, 400, (32,))]
        s = F.cosine_similarity(model(b)[:, None], model(b)[None], dim=-1) / 0.05
        loss = F.cross_entropy(s, torch.arange(32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
