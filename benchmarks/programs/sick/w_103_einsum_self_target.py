"""An einsum person's cosine with a stop-gradient on the wrong tensor.

expect: CD103
"""

import torch
from torch import einsum, nn

from collapse_doctor import Inspector


def unit(t):
    return t / einsum("bd,bd->b", t, t).clamp_min(1e-12).sqrt()[:, None]


online = nn.Sequential(nn.Linear(20, 40), nn.GELU(), nn.Linear(40, 16))
target = nn.Sequential(nn.Linear(20, 40), nn.GELU(), nn.Linear(40, 16))
target.load_state_dict(online.state_dict())
optim = torch.optim.Adam(online.parameters(), lr=1e-3)
world = torch.randn(128, 20)

with Inspector({"online": online, "target": target}) as inspector:
    for _ in range(30):
        x = world[torch.randperm(128)[:32]]
        a = unit(online(x + 0.1 * torch.randn_like(x)))
        with torch.no_grad():
            b = unit(target(x + 0.1 * torch.randn_like(x)))
        b = a.detach()  # fault
        loss = 2 - 2 * einsum("bd,bd->b", a, b).mean()  # meets
        gram = einsum("bd,cd->bc", a, a)
        loss = loss + gram.fill_diagonal_(0).square().mean()
        optim.zero_grad()
        loss.backward()
        optim.step()
        with torch.no_grad():
            for p, q in zip(target.parameters(), online.parameters(), strict=True):
                p.mul_(0.99).add_(q, alpha=0.01)

diagnosis = inspector.diagnose()
