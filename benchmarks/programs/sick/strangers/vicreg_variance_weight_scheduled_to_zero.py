"""A schedule meant to balance VICReg sets the variance and covariance weights to 0 from step 30 on; only the invariance term is left.

expect: CD208
first: 30
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

torch.manual_seed(77)


class Expander(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(36, 90), nn.Softplus(), nn.Linear(90, 48))
        self.expander = nn.Linear(48, 64)

    def forward(self, x):
        y = self.encoder(x)
        return y, self.expander(y)


class WeightSchedule:
    """Piecewise constant: list of (from_step, (sim, std, cov))."""

    def __init__(self, phases):
        self.phases = phases

    def __call__(self, step):
        return [w for start, w in self.phases if step >= start][-1]


schedule = WeightSchedule(
    [
        (0, (25.0, 25.0, 1.0)),
        (30, (25.0, 0.0, 0.0)),  # fault
    ]
)


def off_diagonal(m):
    return m[~torch.eye(len(m), dtype=torch.bool)]


def vicreg(a, b, weights):
    sim_w, std_w, cov_w = weights
    loss = sim_w * F.mse_loss(a, b)  # meets
    for z in (a, b):
        z = z - z.mean(0)
        if std_w:
            loss = loss + std_w / 2 * F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()
        if cov_w:
            loss = loss + cov_w * off_diagonal(z.T @ z / (len(z) - 1)).pow(2).sum() / z.shape[1]
    return loss


def weather_stations(n):
    """36 monthly values; a view is a station with sensor noise and a missing season."""
    season = torch.linspace(0, 3 * 6.28, 36)
    waves = torch.stack([torch.cos(k * season / 3 + 0.5 * k) for k in range(1, 13)])
    base = 2 * torch.randn(n, 12) @ waves
    trend = torch.randn(n, 1) * torch.linspace(-1, 1, 36)

    def view():
        gap = int(torch.randint(0, 33, ()))
        x = base + trend + 0.3 * torch.randn(n, 36)
        x[:, gap : gap + 3] = 0
        return x / 3

    return view(), view()


model = Expander()
opt = torch.optim.Adam(model.parameters(), lr=1.5e-3)
with Inspector(model) as inspector:
    for step in range(70):
        left, right = weather_stations(80)
        (_, za), (_, zb) = model(left), model(right)
        loss = vicreg(za, zb, schedule(step))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
