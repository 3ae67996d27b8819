"""A setting of a SigLIP project says along which dimension to normalise, and says the wrong one.

expect: CD206
"""

import json
from types import SimpleNamespace

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.programs.common import DIGITS
from collapse_doctor import Inspector

SETTINGS = """
{
    "model": {"width": 32, "hidden": 64, "embed": 16, "norm": {"p": 2, "dim": 0}},
    "optim": {"name": "AdamW", "lr": 0.002, "weight_decay": 0.01},
    "train": {"epochs": 2, "batch": 60, "chunks": 3, "log_every": 10}
}
"""


def read(text):
    return json.loads(text, object_hook=lambda d: SimpleNamespace(**d))


class Branch(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(cfg.width, cfg.hidden), nn.SiLU(), nn.Linear(cfg.hidden, cfg.embed)
        )
        self.norm = vars(cfg.norm)

    def forward(self, x):
        return F.normalize(self.layers(x), **self.norm)  # shows


class SigLIP(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.image, self.text = Branch(cfg), Branch(cfg)
        self.t = nn.Parameter(torch.tensor(10.0).log())
        self.b = nn.Parameter(torch.tensor(-10.0))

    def loss(self, image, text, chunks):
        total = image.new_zeros(())
        for k, part in enumerate(text.chunk(chunks)):
            logits = self.t.exp() * image @ part.T + self.b
            labels = -torch.ones_like(logits)
            rows = torch.arange(len(part))
            labels[k * len(part) + rows, rows] = 1
            total = total - F.logsigmoid(labels * logits).sum()
        return total / len(image)


def main():
    cfg = read(SETTINGS)
    model = SigLIP(cfg.model)
    optimizer = getattr(torch.optim, cfg.optim.name)(
        model.parameters(), lr=cfg.optim.lr, weight_decay=cfg.optim.weight_decay
    )
    log = []
    with Inspector({"image": model.image, "text": model.text}) as inspector:
        for epoch in range(cfg.train.epochs):
            for step, rows in enumerate(torch.randperm(1740).split(cfg.train.batch)):
                image, text = model.image(DIGITS[rows, :32]), model.text(DIGITS[rows, 32:])
                loss = model.loss(image, text, cfg.train.chunks)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                if step % cfg.train.log_every == 0:
                    with torch.no_grad():
                        top = (image @ text.T).argmax(1) == torch.arange(len(rows))
                    log.append({"epoch": epoch, "loss": loss.item(), "top1": top.float().mean()})
    return inspector.diagnose()


diagnosis = main()
