"""Deep Q-learning with a target network, where all actions are worth the same.

expect: healthy
"""

import copy

import torch
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

q = mlp(4, 64, 3)
t = copy.deepcopy(q)
optimizer = torch.optim.Adam(q.parameters(), 0.001)
with Inspector({"q": q, "target": t}) as inspector:
    for k in range(200):
        s, s2 = torch.randn(32, 4), torch.randn(32, 4)
        a = torch.randint(0, 3, (32, 1))
        qa = q(s).gather(1, a).squeeze(1)
        with torch.no_grad():
            y = s[:, 0] + 0.9 * t(s2).max(1).values
        loss = F.smooth_l1_loss(qa, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if k % 50 == 49:
            t.load_state_dict(q.state_dict())
diagnosis = inspector.diagnose()
