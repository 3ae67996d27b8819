"""PPO: in the first pass over a roll-out the ratio compares the policy with its own detached output.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(10, 48), nn.Tanh(), nn.Linear(48, 16), nn.Tanh())
        self.pi, self.v = nn.Linear(16, 5), nn.Linear(16, 1)

    def forward(self, s):
        h = self.features(s)
        return torch.distributions.Categorical(logits=self.pi(h)), self.v(h).squeeze(-1)


payoff = torch.randn(10, 5)
policy = Policy()
opt = torch.optim.Adam(policy.parameters(), lr=3e-3)
with Inspector({"features": policy.features}) as inspector:
    for rollout in range(12):
        s = torch.randn(128, 10)
        with torch.no_grad():
            old, _ = policy(s)
            a = old.sample()
            logp_old = old.log_prob(a)
            r = (s @ payoff).gather(1, a[:, None]).squeeze(1)
        for _ in range(4):
            dist, value = policy(s)
            adv = r - value.detach()
            adv = (adv - adv.mean()) / adv.std()
            ratio = (dist.log_prob(a) - logp_old).exp()
            clipped = torch.min(ratio * adv, ratio.clamp(0.8, 1.2) * adv).mean()
            loss = -clipped + 0.1 * nn.functional.mse_loss(value, r) - 0.01 * dist.entropy().mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
