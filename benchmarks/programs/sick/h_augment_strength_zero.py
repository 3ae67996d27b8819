"""SimCLR-like: the noise of the augmentation is configured to 0, so both views are the image.

expect: CD107
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

config = dict(noise=0.0, tau=0.3, batch=64, steps=25)  # fault
bank = torch.tensor(load_digits().data / 16, dtype=torch.float32)


def augment(x):
    return x + config["noise"] * torch.randn_like(x)


def nt_xent(z, tau):
    z = F.normalize(z, dim=1)
    sim = z @ z.T / tau
    sim.fill_diagonal_(float("-inf"))
    n = len(z) // 2
    partner = torch.arange(2 * n).roll(n)
    return F.cross_entropy(sim, partner)  # meets


net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32))
opt = torch.optim.Adam(net.parameters(), 1e-3)
with Inspector(net) as inspector:
    for _ in range(config["steps"]):
        x = bank[torch.randint(0, len(bank), (config["batch"],))]
        z1 = net(augment(x))
        z2 = net(augment(x))  # shows
        loss = nt_xent(torch.cat([z1, z2]), config["tau"])  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()

diagnosis = inspector.diagnose()
