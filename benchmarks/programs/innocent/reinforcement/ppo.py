"""PPO: the policy is compared with itself before its first update.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = mlp(8, 64, 64, last=nn.Tanh())
        self.mu = nn.Linear(64, 3)
        self.ls = nn.Parameter(torch.full((3,), -0.5))
        self.v = nn.Linear(64, 1)

    def forward(self, x):
        h = self.b(x)
        mu = self.mu(h)
        return mu, self.ls.expand_as(mu), self.v(h)


model = ActorCritic()
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for it in range(15):
        with torch.no_grad():
            s = torch.randn(256, 8)
            mu, ls, v = model(s)
            d = torch.distributions.Normal(mu, ls.exp())
            a = d.sample()
            old_log_prob = d.log_prob(a).sum(-1)
            reward = -(a - s[:, :3]).pow(2).sum(-1)
            old_value = v.squeeze(-1)
            adv = reward - old_value
            adv = (adv - adv.mean()) / adv.std()
        for ep in range(4):
            for j in torch.randperm(256).split(64):
                mu, ls, v = model(s[j])
                d = torch.distributions.Normal(mu, ls.exp())
                r = (d.log_prob(a[j]).sum(-1) - old_log_prob[j]).exp()
                v = v.squeeze(-1)
                loss = (
                    -torch.min(r * adv[j], r.clamp(0.8, 1.2) * adv[j]).mean()
                    + 0.5 * F.mse_loss(v, reward[j])
                    + 0.1 * F.smooth_l1_loss(v, old_value[j])
                    - 0.001 * d.entropy().sum(-1).mean()
                )
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                optimizer.step()
                inspector.step(loss=loss)
diagnosis = inspector.diagnose()
