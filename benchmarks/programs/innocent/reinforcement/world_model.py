"""A recurrent state-space model: the divergence of posterior and prior is balanced with stop-gradients.

expect: healthy
"""

import torch
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from collapse_doctor import Inspector


class RSSM(nn.Module):
    def __init__(self, obs=10, h=32, z=6):
        super().__init__()
        self.cell = nn.GRUCell(z + 2, h)
        self.prior = nn.Linear(h, 2 * z)
        self.post = nn.Linear(h + obs, 2 * z)
        self.dec = nn.Sequential(nn.Linear(h + z, 48), nn.ELU(), nn.Linear(48, obs))

    def step(self, h, z, a, o):
        h = self.cell(torch.cat([z, a], 1), h)
        return h, self.prior(h), self.post(torch.cat([h, o], 1))

    def forward(self, obs, act):
        h, z = torch.zeros(len(obs), 32), torch.zeros(len(obs), 6)
        recs, priors, posts = [], [], []
        for t in range(obs.shape[1]):
            h, prior, post = self.step(h, z, act[:, t], obs[:, t])
            z = dist(post).rsample()
            recs.append(self.dec(torch.cat([h, z], 1)))
            priors.append(prior)
            posts.append(post)
        return torch.stack(recs, 1), torch.stack(priors, 1), torch.stack(posts, 1)


def dist(stats):
    mean, raw = stats.chunk(2, -1)
    return Independent(Normal(mean, nn.functional.softplus(raw) + 0.1), 1)


W = torch.randn(2, 10)
model = RSSM()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
with Inspector(model) as inspector:
    for _ in range(80):
        act = torch.randn(24, 8, 2)
        obs = torch.tanh(act.cumsum(1) * 0.4 @ W) + 0.05 * torch.randn(24, 8, 10)
        rec, prior, post = model(obs, act)
        kl = 0.8 * kl_divergence(dist(post.detach()), dist(prior)).mean()
        kl = kl + 0.2 * kl_divergence(dist(post), dist(prior.detach())).mean()
        loss = (rec - obs).square().sum(-1).mean() + 0.1 * kl
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
