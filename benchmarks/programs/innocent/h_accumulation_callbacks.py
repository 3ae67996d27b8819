"""A Trainer with callbacks that accumulates gradients over four micro-batches.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector


class Callback:
    def on_step_end(self, trainer): ...


class History(Callback):
    def __init__(self):
        self.losses = []

    def on_step_end(self, trainer):
        self.losses.append(trainer.loss)


class Trainer:
    def __init__(self, model, head, callbacks, accumulate=4):
        self.model, self.head, self.callbacks, self.accumulate = model, head, callbacks, accumulate
        self.optimizer = torch.optim.AdamW([*model.parameters(), *head.parameters()], lr=3e-3)

    def fit(self, loader):
        for n, (x, y) in enumerate(loader, 1):
            loss = nn.functional.cross_entropy(self.head(self.model(x)), y) / self.accumulate
            loss.backward()
            if n % self.accumulate == 0:
                self.loss = loss.item() * self.accumulate
                self.optimizer.step()
                self.optimizer.zero_grad()
                for callback in self.callbacks:
                    callback.on_step_end(self)


X, Y = load_digits(return_X_y=True)
data = torch.utils.data.TensorDataset(torch.tensor(X / 16).float(), torch.tensor(Y))
trainer = Trainer(
    nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 24)), nn.Linear(24, 10), [History()]
)
with Inspector(trainer.model) as inspector:
    for _ in range(3):
        trainer.fit(torch.utils.data.DataLoader(data, 32, shuffle=True, drop_last=True))
diagnosis = inspector.diagnose()
