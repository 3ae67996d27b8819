"""A CLIP project whose parameter groups are chosen by name: the text tower is in none of them.

expect: CD202
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS
from collapse_doctor import Inspector


@dataclass
class Args:
    lr: float = 2e-3
    wd: float = 0.05
    epochs: int = 3
    batch: int = 64
    embed: int = 24
    precision: str = "amp_bf16"


class Tower(nn.Module):
    def __init__(self, width, embed):
        super().__init__()
        self.stem = nn.Linear(width, 64)
        self.norm = nn.LayerNorm(64)
        self.mlp = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 64))
        self.proj = nn.Linear(64, embed, bias=False)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.mlp(self.norm(x))
        return self.proj(x)


class CLIP(nn.Module):
    def __init__(self, embed):
        super().__init__()
        self.visual = Tower(32, embed)
        self.textual = Tower(32, embed)
        self.logit_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, image, text):
        image = F.normalize(self.visual(image), dim=-1)
        text = F.normalize(self.textual(text), dim=-1)
        return {"image": image, "text": text, "scale": self.logit_scale.exp()}


class ClipLoss(nn.Module):
    def forward(self, image, text, scale):
        per_image = scale * image @ text.T
        labels = torch.arange(len(image))
        return (F.cross_entropy(per_image, labels) + F.cross_entropy(per_image.T, labels)) / 2


def parameter_groups(model, args):
    def plain(name, p):
        return p.ndim < 2 or "norm" in name or "bias" in name or "logit_scale" in name

    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    named = [(n, p) for n, p in named if "visual" in n or "text." in n or "scale" in n]  # fault
    without = [p for n, p in named if plain(n, p)]
    rest = [p for n, p in named if not plain(n, p)]
    return [{"params": without, "weight_decay": 0.0}, {"params": rest, "weight_decay": args.wd}]


def train_one_epoch(model, criterion, optimizer, scheduler, data, args):
    model.train()
    for rows in torch.randperm(len(data)).split(args.batch)[:-1]:
        image, text = data[rows, :32], data[rows, 32:]
        with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "amp_bf16"):
            out = model(image, text)
            loss = criterion(**out)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, 4.6052)


@torch.inference_mode()
def evaluate(model, data):
    model.eval()
    out = model(data[:, :32], data[:, 32:])
    logits = out["image"] @ out["text"].T
    ranks = (logits > logits.diagonal()[:, None]).sum(1)
    return {f"R@{k}": (ranks < k).float().mean().item() for k in (1, 5, 10)}


args = Args()
model, criterion = CLIP(args.embed), ClipLoss()
optimizer = torch.optim.AdamW(parameter_groups(model, args), lr=args.lr, betas=(0.9, 0.98))
train, val = DIGITS[:1500], DIGITS[1500:]
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, args.lr, epochs=args.epochs, steps_per_epoch=len(train) // args.batch
)
with Inspector({"visual": model.visual, "textual": model.textual}) as inspector:
    for _ in range(args.epochs):
        train_one_epoch(model, criterion, optimizer, scheduler, train, args)
        metrics = evaluate(model, val)
diagnosis = inspector.diagnose()
