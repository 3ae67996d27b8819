"""configure_optimizers() gives the optimizer the parameters of the head alone.

expect: CD202
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = Encoder(), nn.Linear(32, 10)

    def training_step(self, batch):
        x, y = batch
        return F.cross_entropy(self.head(self.encoder(x)), y)

    def configure_optimizers(self):
        return torch.optim.AdamW(self.head.parameters(), 1e-3)  # fault


class Trainer:
    def __init__(self, callbacks=()):
        self.callbacks = callbacks

    def fit(self, module, data):
        optimizer = module.configure_optimizers()
        for batch in data:
            loss = module.training_step(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for callback in self.callbacks:
                callback(loss)


module, seen = Module(), []
with Inspector(module.encoder) as inspector:
    Trainer([lambda loss: seen.append(loss.item())]).fit(module, batches(40))
diagnosis = inspector.diagnose()
