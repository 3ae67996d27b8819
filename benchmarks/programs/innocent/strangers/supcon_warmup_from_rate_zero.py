"""The first steps run at learning rate 0 because the linear warm-up starts there; nothing moves for one step, and then everything does.

expect: healthy
"""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector


@dataclass(frozen=True)
class Config:
    lr: float = 3e-3
    warmup: int = 12
    total: int = 60
    temperature: float = 0.2
    batch: int = 80


def warmup_then_linear(cfg):
    def factor(step):
        if step < cfg.warmup:
            return step / cfg.warmup
        return max(0.05, (cfg.total - step) / (cfg.total - cfg.warmup))

    return factor


class SupConLoss(nn.Module):
    def __init__(self, temperature):
        super().__init__()
        self.t = temperature

    def forward(self, z, y):
        sim = z @ z.T / self.t
        sim = sim - sim.detach().amax(1, keepdim=True)
        others = 1 - torch.eye(len(z))
        log_prob = sim - (sim.exp() * others).sum(1, keepdim=True).log()
        pos = (y[:, None] == y[None]).float() * others
        return -((pos * log_prob).sum(1) / pos.sum(1).clamp(min=1)).mean()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(64, 110), nn.GELU(), nn.Linear(110, 110), nn.GELU())
        self.head = nn.Linear(110, 28)

    def forward(self, x):
        return F.normalize(self.head(self.features(x)), dim=-1)


cfg = Config()
torch.manual_seed(10)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x).float(), torch.tensor(y)
x = (x - x.mean(0)) / (x.std(0) + 0.5)
net, criterion = Net(), SupConLoss(cfg.temperature)
opt = torch.optim.AdamW(net.parameters(), lr=cfg.lr)
sched = torch.optim.lr_scheduler.LambdaLR(opt, warmup_then_linear(cfg))

with Inspector(net) as inspector:
    for step in range(cfg.total):
        idx = torch.randint(len(x), (cfg.batch,))
        loss = criterion(net(x[idx] + 0.2 * torch.randn(cfg.batch, 64)), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
diagnosis = inspector.diagnose()
