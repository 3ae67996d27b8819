"""CLIP in bfloat16 autocast with the symmetric loss and gradients summed over four micro batches.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class DualEncoder(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.towers = nn.ModuleDict(
            {
                "image": nn.Sequential(
                    nn.Conv2d(3, 16, 3, 2),
                    nn.ReLU(),
                    nn.Conv2d(16, 24, 3, 2),
                    nn.ReLU(),
                    nn.Flatten(),
                    nn.Linear(24 * 4, d),
                ),
                "text": nn.Sequential(
                    nn.EmbeddingBag(150, 48), nn.Linear(48, 64), nn.ReLU(), nn.Linear(64, d)
                ),
            }
        )
        self.log_scale = nn.Parameter(torch.tensor(1.6))

    def forward(self, batch):
        return {k: F.normalize(self.towers[k](v).float(), dim=-1) for k, v in batch.items()}


pictures = torch.randn(80, 3, 11, 11)
captions = torch.randint(150, (80, 6))


def micro(n=40):
    c = torch.randperm(80)[:n]
    return {"image": pictures[c] + 0.4 * torch.randn(n, 3, 11, 11), "text": captions[c]}


model = DualEncoder()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
ACCUM = 4

with Inspector(model) as inspector:
    for step in range(24):
        opt.zero_grad()
        total = 0.0
        for _ in range(ACCUM):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out = model(micro())
            logits = model.log_scale.exp() * out["image"] @ out["text"].T
            target = torch.arange(len(logits))
            loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
            (loss / ACCUM).backward()
            total += loss.item() / ACCUM
        opt.step()
        with torch.no_grad():
            model.log_scale.clamp_(0, 4.6)
        if step % 6 == 0:
            print(step, f"{total:.3f}")
diagnosis = inspector.diagnose()
