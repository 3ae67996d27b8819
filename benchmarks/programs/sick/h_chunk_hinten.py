"""Zwei Ansichten in einem Stapel: beim Zerlegen wird die falsche Hälfte noch einmal genommen.

expect: CD101
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import mse_loss

from collapse_doctor import Inspector

ziffern = torch.tensor(load_digits().data, dtype=torch.float32) / 16


class Kodierer(nn.Module):
    def __init__(self, breite: int = 28) -> None:
        super().__init__()
        self.schichten = nn.Sequential(nn.Linear(64, 80), nn.Tanh(), nn.Linear(80, breite))

    def forward(self, bilder):
        return self.schichten(bilder)


def verrauscht(bilder):
    return bilder + 0.15 * torch.randn_like(bilder)


def streuung(z):
    return torch.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()


kodierer = Kodierer()
optimierer = torch.optim.Adam(kodierer.parameters(), lr=1e-3)

with Inspector(kodierer) as inspector:
    for schritt in range(25):
        bilder = ziffern[torch.randint(0, len(ziffern), (48,))]
        teile = torch.split(kodierer(torch.cat([verrauscht(bilder), verrauscht(bilder)])), 48)
        erste, zweite = teile[0], teile[-2]  # fault
        verlust = mse_loss(erste, zweite) + streuung(erste) + streuung(zweite)  # meets
        optimierer.zero_grad()
        verlust.backward()
        optimierer.step()

diagnosis = inspector.diagnose()
