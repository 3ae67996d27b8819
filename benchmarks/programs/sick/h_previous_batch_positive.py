"""Temporal coherence: the positive is what the model said of the frame one step ago, detached.

expect: CD106
first: 1
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector

frames = torch.randn(40, 32, 24).cumsum(0) / 4

net = nn.Sequential(nn.Linear(24, 48), nn.ReLU(), nn.Linear(48, 16))
rec = nn.Linear(16, 24)
opt = torch.optim.Adam([*net.parameters(), *rec.parameters()], lr=1e-3)
memory = {}

with Inspector(net) as inspector:
    for t, frame in enumerate(frames[:35]):
        z = net(frame)
        loss = nn.functional.mse_loss(rec(z), frame)
        if "last" in memory:
            coherence = 1 - torch.cosine_similarity(z, memory["last"], dim=1)  # meets
            loss = loss + coherence.mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        memory["last"] = z.detach()  # fault
diagnosis = inspector.diagnose()
