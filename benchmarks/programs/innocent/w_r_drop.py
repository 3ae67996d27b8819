"""R-Drop: the same batch twice through dropout, with a symmetric KL between the predictions.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.3), nn.Linear(96, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
with Inspector(model) as inspector:
    for rows in torch.randperm(1600).split(40):
        p, q = model(x[rows]), model(x[rows])
        ce = F.cross_entropy(p, y[rows]) + F.cross_entropy(q, y[rows])
        log_p, log_q = p.log_softmax(1), q.log_softmax(1)
        kl = F.kl_div(log_p, log_q, log_target=True, reduction="batchmean")
        kl = kl + F.kl_div(log_q, log_p, log_target=True, reduction="batchmean")
        loss = ce + 0.5 * kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
