"""The target network is put together from the layers of the online network a second time.

expect: CD108
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Agent(nn.Module):
    def __init__(self, d=8, actions=3):
        super().__init__()
        layers = [nn.Linear(d, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, actions)]
        self.online = nn.Sequential(*layers)
        self.target = nn.Sequential(*layers)  # fault

    def forward(self, s, use_target=False):
        return (self.target if use_target else self.online)(s)


agent = Agent()
opt = torch.optim.RMSprop(agent.online.parameters(), 5e-4)
with Inspector(agent) as inspector:
    for step in range(200):
        s, a, r, s2 = (
            torch.randn(32, 8),
            torch.randint(3, (32,)),
            torch.randn(32),
            torch.randn(32, 8),
        )
        q = agent(s).gather(1, a[:, None]).squeeze(1)
        with torch.no_grad():
            goal = r + 0.9 * agent(s2, use_target=True).max(1).values
        loss = nn.functional.smooth_l1_loss(q, goal)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            agent.target.load_state_dict(agent.online.state_dict())
diagnosis = inspector.diagnose()
