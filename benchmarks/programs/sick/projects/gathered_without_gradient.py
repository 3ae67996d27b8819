"""Rows of two towers are gathered by a helper that cuts both from the graph; the scale learns on.

expect: CD201
"""

import contextlib
import logging
from collections import defaultdict

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.programs.common import DIGITS
from collapse_doctor import Inspector

logger = logging.getLogger(__name__)


class World:
    """Stands for the processes of a training: here there is one."""

    rank, size = 0, 1

    def all_gather(self, tensor):
        return [tensor.detach().clone() for _ in range(self.size)]


def gather(world, *tensors):
    gathered = []
    for tensor in tensors:
        parts = world.all_gather(tensor)  # fault
        gathered.append(torch.cat(parts))
    return gathered


class TextTower(nn.Module):
    def __init__(self, vocabulary=65, width=32, embed=24):
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        self.gru = nn.GRU(width, 48, batch_first=True)
        self.proj = nn.Linear(48, embed)

    def forward(self, ids):
        _, last = self.gru(self.table(ids))
        return self.proj(last[-1])


class ImageTower(nn.Sequential):
    def __init__(self, embed=24):
        super().__init__(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, embed))


class Engine:
    def __init__(self, world, lr=1e-3):
        self.world = world
        self.image, self.text = ImageTower(), TextTower()
        self.scale = nn.Parameter(torch.tensor(2.0))
        params = [*self.image.parameters(), *self.text.parameters(), self.scale]
        self.optimizer = torch.optim.Adam(params, lr=lr)
        self.meters = defaultdict(list)

    @property
    def amp(self):
        return torch.autocast("cpu", dtype=torch.bfloat16)

    def contrastive(self, image, text):
        image, text = (F.normalize(z.float(), dim=-1) for z in (image, text))
        image, text = gather(self.world, image, text)
        logits = self.scale.exp() * image @ text.t()
        labels = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels)) / 2, logits

    def step(self, images, ids, *, train=True):
        with self.amp if train else contextlib.nullcontext():
            image, text = self.image(images), self.text(ids)
        loss, logits = self.contrastive(image, text)
        if train:
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        top = (logits.argmax(1) == torch.arange(len(logits))).float().mean()
        self.meters["train" if train else "val"].append((loss.item(), top.item()))

    def run(self, epochs):
        ids = (DIGITS.view(-1, 8, 8).mean(1) * 64).long()
        for epoch in range(epochs):
            for rows in torch.randperm(1600).split(64):
                self.step(DIGITS[rows], ids[rows])
            self.image.eval()
            self.text.eval()
            with torch.no_grad():
                self.step(DIGITS[1600:], ids[1600:], train=False)
            self.image.train()
            self.text.train()
            logger.info("epoch %d: %s", epoch, self.meters["val"][-1])


engine = Engine(World())
with Inspector({"image": engine.image, "text": engine.text}) as inspector:
    engine.run(2)
diagnosis = inspector.diagnose()
