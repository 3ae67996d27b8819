"""Eight sensors of one hidden temperature, a Gaussian likelihood by torch.distributions.

expect: healthy
"""

import torch
from torch import nn
from torch.distributions import Independent, Normal

from collapse_doctor import Inspector

x = torch.randn(600, 10)
hidden = torch.tanh(x @ torch.randn(10, 1))
y = 20 + hidden * torch.linspace(0.5, 2, 8) + 0.05 * torch.randn(600, 8)


class Gaussian(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU())
        self.mu = nn.Linear(48, 8)
        self.log_sigma = nn.Parameter(torch.zeros(8))

    def forward(self, x):
        return self.mu(self.body(x))


model = Gaussian()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
with Inspector(model) as inspector:
    for _ in range(300):
        rows = torch.randint(600, (64,))
        density = Independent(Normal(model(x[rows]), model.log_sigma.exp()), 1)
        loss = -density.log_prob(y[rows]).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
