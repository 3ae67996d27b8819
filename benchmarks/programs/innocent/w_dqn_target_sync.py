"""Q-learning with a target network that is loaded every ten steps: then both are equal.

expect: healthy
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

q_net = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
target_net = copy.deepcopy(q_net).eval()
optimizer = torch.optim.Adam(q_net.parameters(), lr=2e-3)
moves, gain = 0.3 * torch.randn(4, 6), torch.randn(6, 4)
with Inspector({"q": q_net, "target": target_net}) as inspector:
    for step in range(60):
        s = torch.randn(64, 6)
        a = torch.randint(0, 4, (64,))
        r, s2 = (s @ gain)[torch.arange(64), a], s + moves[a]
        with torch.no_grad():
            y = r + 0.8 * target_net(s2).max(dim=1).values
        q = q_net(s).gather(1, a.unsqueeze(1)).squeeze(1)
        loss = F.smooth_l1_loss(q, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(q_net.parameters(), 5.0)
        optimizer.step()
        if step % 10 == 9:
            target_net.load_state_dict(q_net.state_dict())

diagnosis = inspector.diagnose()
