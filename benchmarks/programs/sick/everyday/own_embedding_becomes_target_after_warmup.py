"""After the warm-up the target switches from class centres to the embedding itself, detached.

expect: CD103
first: 24
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@dataclass
class TrainConfig:
    classes: int = 7
    channels: int = 3
    window: int = 50
    dim: int = 20
    warmup_steps: int = 24
    steps: int = 60
    lr: float = 3e-3
    centre_weight: float = 0.3


class ActivityEncoder(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.rnn = nn.GRU(cfg.channels, 40, batch_first=True)
        self.proj = nn.Linear(40, cfg.dim)

    def forward(self, x):
        h, _ = self.rnn(x)
        return self.proj(h.mean(1))


class Trainer:
    def __init__(self, cfg):
        self.cfg = cfg
        self.encoder = ActivityEncoder(cfg)
        self.classifier = nn.Linear(cfg.dim, cfg.classes)
        params = [*self.encoder.parameters(), *self.classifier.parameters()]
        self.opt = torch.optim.Adam(params, lr=cfg.lr)
        self.centres = torch.zeros(cfg.classes, cfg.dim)
        self.global_step = 0

    def batch(self, n=48):
        y = torch.randint(self.cfg.classes, (n,))
        t = torch.arange(self.cfg.window) / self.cfg.window
        phase = torch.rand(n, 1, 1) * 6.28
        f = (1 + y.float())[:, None, None] * torch.tensor([1.0, 1.5, 2.0])
        x = torch.sin(6.28 * f * t[None, :, None] + phase)
        return x + 0.15 * torch.randn_like(x), y

    def target_for(self, z, y):
        if self.global_step < self.cfg.warmup_steps:
            for c in y.unique():
                self.centres[c] = 0.8 * self.centres[c] + 0.2 * z[y == c].mean(0).detach()
            return self.centres[y]
        # the network knows its classes by now, trust it
        return z.detach()  # fault

    def training_step(self):
        x, y = self.batch()
        z = self.encoder(x)
        target = self.target_for(z, y)
        centre = F.smooth_l1_loss(z, target)  # meets
        loss = F.cross_entropy(self.classifier(z), y) + self.cfg.centre_weight * centre
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        self.global_step += 1
        return loss.item(), centre.item()


trainer = Trainer(TrainConfig())
with Inspector(trainer.encoder) as inspector:
    for _ in range(trainer.cfg.steps):
        loss, centre = trainer.training_step()
    print(loss, centre)
diagnosis = inspector.diagnose()
