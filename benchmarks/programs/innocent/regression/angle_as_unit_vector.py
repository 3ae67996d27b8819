"""An angle is predicted as a point on the circle.

expect: healthy
"""

import torch

from collapse_doctor import Inspector

torch.set_default_dtype(torch.float64)


def make(n):
    angle = torch.rand(n) * 2 * torch.pi
    r = torch.rand(n) + 0.5
    t = torch.linspace(0, 1, 40)
    x = r[:, None] * torch.sin(2 * torch.pi * t + angle[:, None]) + 0.05 * torch.randn(n, 40)
    return x, torch.stack([angle.cos(), angle.sin()], 1)


class Unit(torch.nn.Module):
    def forward(self, v):
        return v / v.norm(dim=-1, keepdim=True)


model = torch.nn.Sequential(
    torch.nn.Linear(40, 32), torch.nn.SiLU(), torch.nn.Linear(32, 2), Unit()
)
opt = torch.optim.NAdam(model.parameters())
with Inspector(model) as inspector:
    for k in range(200):
        x, t = make(50)
        loss = (1 - (model(x) * t).sum(1)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
