"""Gradual unfreezing from the head down, each with a rate of its own; hard negatives are mined.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1 = nn.Sequential(nn.Linear(64, 80), nn.LayerNorm(80), nn.GELU())
        self.stage2 = nn.Sequential(nn.Linear(80, 80), nn.LayerNorm(80), nn.GELU())
        self.proj = nn.Linear(80, 32)

    def forward(self, x):
        return self.proj(self.stage2(self.stage1(x)))


net = Backbone()
parts = [net.proj, net.stage2, net.stage1]
for p in net.parameters():
    p.requires_grad = False
opt = None
with Inspector(net) as inspector:
    for step in range(240):
        if step % 80 == 0:
            part = parts[step // 80]
            for p in part.parameters():
                p.requires_grad = True
            group = {"params": list(part.parameters()), "lr": 2e-3 / 2 ** (step // 80)}
            opt = torch.optim.Adam([group]) if opt is None else (opt.add_param_group(group) or opt)
        i = torch.cat([torch.nonzero(y == c).flatten()[torch.randperm(150)[:5]] for c in range(10)])
        z = net(X[i])
        d = torch.cdist(z, z)
        same = y[i][:, None] == y[i][None]
        far = (d - 1e9 * ~same).max(1).values
        near = (d + 1e9 * same).min(1).values
        loss = torch.relu(far - near + 0.3).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
