"""A trainer class whose switch for gradients is the wrong way round: training runs without them.

expect: CD201
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(30, 64), nn.SiLU(), nn.Linear(64, 24))
        self.classifier = nn.Linear(24, 6)

    def training_step(self, batch):
        z = self.shared_step(batch[0], validating=False)
        return F.cross_entropy(self.classifier(z), batch[1])

    def shared_step(self, x, validating):
        with torch.set_grad_enabled(validating):  # fault
            return self.encoder(x)  # shows

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


class Trainer:
    def __init__(self, max_steps):
        self.max_steps = max_steps

    def fit(self, module, loader):
        optimizer = module.configure_optimizers()
        for _ in range(self.max_steps):
            loss = module.training_step(next(loader))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()


def loader():
    centres = torch.randn(6, 30)
    while True:
        y = torch.randint(0, 6, (48,))
        yield centres[y] + torch.randn(48, 30), y


module = Module()
with Inspector(module.encoder) as inspector:
    Trainer(max_steps=30).fit(module, loader())
diagnosis = inspector.diagnose()
