"""The linear decay is stretched over half the real number of updates, so the learning rate is 0 for the second half.

expect: CD202
first: 32
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

args = dict(batch=32, epochs=2, images=1024, lr=3e-3, accumulate=2, warmup=4)

vision = nn.Sequential(
    nn.Conv2d(3, 16, 3, stride=2),
    nn.GELU(),
    nn.Conv2d(16, 32, 3, stride=2),
    nn.GELU(),
    nn.Flatten(),
    nn.Linear(32 * 9, 40),
)
text = nn.Sequential(nn.EmbeddingBag(200, 48), nn.Linear(48, 64), nn.GELU(), nn.Linear(64, 40))
clip = nn.ModuleDict({"image": vision, "text": text})
scale = nn.Parameter(torch.tensor(math.log(1 / 0.2)))

concepts = torch.randn(40, 3, 15, 15)
captions = torch.randint(200, (40, 7))
which = torch.randint(40, (args["images"],))

optimizer = torch.optim.Adam([*clip.parameters(), scale], lr=args["lr"])
steps_per_epoch = args["images"] // args["batch"]
total_updates = steps_per_epoch * args["epochs"] // args["accumulate"]  # fault


def linear_warmup_decay(s):
    if s < args["warmup"]:
        return (s + 1) / args["warmup"]
    return max(0.0, (total_updates - s) / (total_updates - args["warmup"]))


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, linear_warmup_decay)

with Inspector(clip) as inspector:
    for epoch in range(args["epochs"]):
        for rows in torch.randperm(args["images"]).view(steps_per_epoch, args["batch"]):
            c = which[rows]
            pixels = concepts[c] + 0.8 * torch.randn(len(c), 3, 15, 15)
            tokens = torch.where(
                torch.rand(len(c), 7) < 0.2, torch.randint(200, (len(c), 7)), captions[c]
            )
            zi = F.normalize(clip["image"](pixels), dim=-1)
            zt = F.normalize(clip["text"](tokens), dim=-1)
            logits = scale.exp() * zi @ zt.T  # meets
            gt = torch.arange(len(c))
            loss = (F.cross_entropy(logits, gt) + F.cross_entropy(logits.T, gt)) / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()  # shows
            scheduler.step()
        print(epoch, f"{loss.item():.3f}", "lr", scheduler.get_last_lr()[0])
diagnosis = inspector.diagnose()
