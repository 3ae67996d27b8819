"""The temperature was to be multiplied by 0.85 once per epoch but is multiplied every batch; 1 / tau and with it the gradient grow without end.

expect: CD204
first: gradual
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

from collapse_doctor import Inspector

torch.manual_seed(17)
bunch = load_digits()
pics = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
pics = pics - pics.mean(0)
names = torch.tensor(bunch.target)
caption_words = torch.randint(0, 64, (10, 6))


class Pair(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.vision = nn.Sequential(
            nn.Conv2d(1, 10, 3, stride=2, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(160, dim)
        )
        self.bag = nn.EmbeddingBag(64, 40, mode="mean")
        self.language = nn.Linear(40, dim)

    def forward(self, pic, words):
        v = self.vision(pic)
        t = self.language(self.bag(words))
        return F.normalize(v, dim=1), F.normalize(t, dim=1)


def batches(size, n_epochs):
    for epoch in range(n_epochs):
        for idx in torch.randperm(len(pics))[:720].split(size):
            words = caption_words[names[idx]].clone()
            swap = torch.rand(words.shape) < 0.3
            words[swap] = torch.randint(0, 64, (int(swap.sum()),))
            yield epoch, pics[idx], words


model = Pair()
optim = torch.optim.Adam(model.parameters(), lr=1e-3)
tau = 0.5

with Inspector(model) as inspector:
    for epoch, pic, words in batches(48, 4):
        v, t = model(pic, words)
        logits = v @ t.T / tau
        gold = torch.arange(len(pic))
        loss = 0.5 * (F.cross_entropy(logits, gold) + F.cross_entropy(logits.T, gold))  # meets
        optim.zero_grad()
        loss.backward()
        optim.step()
        tau = tau * 0.85  # fault
diagnosis = inspector.diagnose()
