"""PPO with several epochs on one rollout: in the first the new policy is the old one, ratio 1.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(10, 48), nn.Tanh(), nn.Linear(48, 16), nn.Tanh())
        self.actor, self.critic = nn.Linear(16, 4), nn.Linear(16, 1)

    def forward(self, obs):
        h = self.trunk(obs)
        return self.actor(h), self.critic(h).squeeze(-1)


policy, best = Policy(), torch.randn(10, 4)
optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)
with Inspector(policy, layers=["trunk"]) as inspector:
    for _rollout in range(12):
        obs = torch.randn(96, 10)
        with torch.no_grad():
            logits, value = policy(obs)
            dist = torch.distributions.Categorical(logits=logits)
            action = dist.sample()
            old_logp = dist.log_prob(action)
            reward = (obs @ best).gather(1, action[:, None]).squeeze(1)
            advantage = reward - value
            advantage = (advantage - advantage.mean()) / advantage.std()
        for _epoch in range(4):
            logits, value = policy(obs)
            dist = torch.distributions.Categorical(logits=logits)
            ratio = torch.exp(dist.log_prob(action) - old_logp)
            clipped = ratio.clamp(0.8, 1.2)
            loss = -torch.min(ratio * advantage, clipped * advantage).mean()
            loss = loss + 0.5 * (value - reward).pow(2).mean() - 0.01 * dist.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
