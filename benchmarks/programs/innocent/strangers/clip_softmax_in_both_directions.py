"""CLIP written with log_softmax over dim=1 and over dim=0: the second one runs along the batch, as text to image retrieval must.

expect: healthy
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class Captions(Dataset):
    """Scenes with a colour, a shape and a place, drawn as vectors and told in words."""

    def __init__(self, n=480):
        gen = torch.Generator().manual_seed(12)
        self.parts = torch.stack([torch.randint(k, (n,), generator=gen) for k in (8, 9, 7)], 1)
        self.look = [torch.randn(k, 50, generator=gen) for k in (8, 9, 7)]

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, i):
        c, s, p = self.parts[i].tolist()
        image = self.look[0][c] + self.look[1][s] + self.look[2][p] + 0.5 * torch.randn(50)
        words = [1 + c, 10 + s, 20 + p] + [30 + int(torch.randint(5, ()))] * int(
            torch.randint(3, ())
        )
        return image, words


def collate(rows):
    images, words = zip(*rows)
    width = max(map(len, words))
    return torch.stack(images), torch.tensor([w + [0] * (width - len(w)) for w in words])


towers = nn.ModuleDict(
    {
        "image": nn.Sequential(nn.Linear(50, 100), nn.GELU(), nn.Linear(100, 32)),
        "text": nn.Sequential(
            nn.Embedding(40, 64, padding_idx=0), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 32)
        ),
    }
)
log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
opt = torch.optim.Adam([*towers.parameters(), log_scale], lr=2e-3)
loader = DataLoader(Captions(), batch_size=48, shuffle=True, drop_last=True, collate_fn=collate)

with Inspector(dict(towers.items())) as inspector:
    for epoch in range(5):
        for images, words in loader:
            keep = (words > 0).float().unsqueeze(-1)
            img = F.normalize(towers["image"](images), dim=-1)
            txt = (towers["text"](words) * keep).sum(1) / keep.sum(1)
            txt = F.normalize(txt, dim=-1)
            sim = log_scale.exp().clamp(max=100) * torch.einsum("id,td->it", img, txt)
            to_text = F.log_softmax(sim, dim=1).diagonal()
            to_image = F.log_softmax(sim, dim=0).diagonal()
            loss = -(to_text + to_image).mean() / 2
            opt.zero_grad()
            loss.backward()
            opt.step()
diagnosis = inspector.diagnose()
