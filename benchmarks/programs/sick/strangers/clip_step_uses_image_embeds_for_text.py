"""The CLIP training step builds its logits from the image embeddings on both sides; the caption tower is never compared.

expect: CD101
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


@dataclass
class CLIPOutput:
    image_embeds: torch.Tensor
    text_embeds: torch.Tensor
    scale: torch.Tensor
    tag_logits: torch.Tensor


class CaptionTower(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.table = nn.Embedding(vocab, 40, padding_idx=0)
        self.rnn = nn.GRU(40, dim, batch_first=True)

    def forward(self, ids):
        _, last = self.rnn(self.table(ids))
        return last[-1]


class TinyCLIP(nn.Module):
    def __init__(self, dim=36, vocab=60, tags=8):
        super().__init__()
        self.vision = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 24, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(24 * 9, dim),
        )
        self.text = CaptionTower(vocab, dim)
        self.tagger = nn.Linear(dim, tags)
        self.log_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, pixels, ids):
        img, txt = self.vision(pixels), self.text(ids)
        return CLIPOutput(
            F.normalize(img, dim=-1),
            F.normalize(txt, dim=-1),
            self.log_scale.exp(),
            self.tagger(txt),
        )

    def training_step(self, batch, batch_idx):
        pixels, ids, tags = batch
        out = self(pixels, ids)
        image, text = out.image_embeds, out.image_embeds  # fault
        logits = out.scale * image @ text.t()  # meets
        target = torch.arange(len(pixels))
        contrastive = 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.t(), target))
        return contrastive + 0.3 * F.cross_entropy(out.tag_logits, tags)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def batches(n_steps, size=40):
    painter = torch.randn(8, 3, 12, 12)
    for _ in range(n_steps):
        tag = torch.randint(0, 8, (size,))
        word = torch.randint(0, 6, (size, 5))
        pixels = (
            painter[tag]
            + 0.5 * torch.randn(size, 3, 12, 12)
            + 0.2 * word.float().mean(1)[:, None, None, None]
        )
        yield pixels, 1 + tag[:, None] * 6 + word, tag


model = TinyCLIP()
optimizer = model.configure_optimizers()
with Inspector(model) as inspector:
    for i, batch in enumerate(batches(45)):
        loss = model.training_step(batch, i)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i % 15 == 0:
            print(i, round(loss.item(), 4))
diagnosis = inspector.diagnose()
