"""Pseudo targets stored through NumPy with a copy; index 0 of the store is the current batch.

expect: CD103
"""

from collections import deque

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

history = deque(maxlen=5)
encoder = nn.Sequential(nn.Linear(15, 45), nn.ReLU(), nn.Linear(45, 15))
optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-3)
stations = torch.randn(48, 15)

with Inspector(encoder) as inspector:
    for hour in range(30):
        weather = stations + 0.3 * torch.randn(48, 15)
        code = encoder(weather)
        history.appendleft(np.array(code.detach()))
        past = torch.tensor(history[0])  # fault
        temporal = F.l1_loss(code, past)  # meets
        logits = F.normalize(code, dim=1) @ F.normalize(encoder(stations), dim=1).T / 0.2
        loss = temporal + F.cross_entropy(logits, torch.arange(48))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
