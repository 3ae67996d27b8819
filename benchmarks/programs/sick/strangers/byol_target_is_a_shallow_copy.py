"""The BYOL target network is made with copy.copy, so it shares every layer with the online network.

expect: CD108
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


def mlp(*sizes):
    layers = []
    for a, b in zip(sizes[:-2], sizes[1:-1]):
        layers += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class BYOL:
    def __init__(self, lr=2e-3, tau=0.98):
        self.online = mlp(75, 128, 128, 32)
        self.predictor = mlp(32, 64, 32)
        self.target = copy.copy(self.online)  # fault
        self.tau = tau
        self.optim = torch.optim.Adam(
            [*self.online.parameters(), *self.predictor.parameters()], lr=lr
        )

    @torch.no_grad()
    def targets(self, *views):
        return [self.target(v) for v in views]

    def regression(self, p, t):
        return 2 - 2 * F.cosine_similarity(p, t, dim=-1).mean()  # meets

    def learn(self, v1, v2):
        p1, p2 = self.predictor(self.online(v1)), self.predictor(self.online(v2))
        t1, t2 = self.targets(v1, v2)
        loss = self.regression(p1, t2) + self.regression(p2, t1)
        self.optim.zero_grad()
        loss.backward()
        self.optim.step()
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.online.parameters()):
                slow.lerp_(fast, 1 - self.tau)
        return loss.item()


def hyperspectral(n, materials=11, bands=75):
    end_members = torch.sin(
        torch.linspace(0, 12, bands)[None] * torch.linspace(0.4, 2.2, materials)[:, None]
    )
    abundance = torch.distributions.Dirichlet(torch.full((materials,), 0.4)).sample((n,))
    return abundance @ end_members


def illumination(pixels):
    gain = 0.7 + 0.6 * torch.rand(len(pixels), 1)
    bands = (torch.rand_like(pixels) > 0.15).float()
    return gain * pixels * bands + 0.03 * torch.randn_like(pixels)


pixels = hyperspectral(2000)
byol = BYOL()
with Inspector({"online": byol.online, "target": byol.target}) as inspector:
    for step in range(50):
        batch = pixels[torch.randint(0, len(pixels), (128,))]
        value = byol.learn(illumination(batch), illumination(batch))
        if step % 10 == 0:
            print(step, round(value, 4))
diagnosis = inspector.diagnose()
