"""To satisfy a loss that wants [batch, views, dim], one embedding is expanded to two views of the same memory.

expect: CD102
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class SupConLoss(nn.Module):
    def __init__(self, temperature=0.2):
        super().__init__()
        self.temperature = temperature

    def forward(self, features, labels):
        if features.dim() < 3:
            raise ValueError("`features` needs to be [bsz, n_views, ...]")
        view_a, view_b = features.unbind(dim=1)
        cross = torch.einsum("id,jd->ij", view_a, view_b) / self.temperature  # meets
        positive = (labels[:, None] == labels[None, :]).float()
        log_prob = cross - torch.logsumexp(cross, dim=1, keepdim=True)
        return -((positive * log_prob).sum(1) / positive.sum(1)).mean()


class MelEncoder(nn.Module):
    """Keyword spotting: 20 mel bands, 32 frames."""

    def __init__(self, dim=40):
        super().__init__()
        self.front = nn.Sequential(
            nn.Conv1d(20, 48, 5, padding=2),
            nn.GroupNorm(6, 48),
            nn.GELU(),
            nn.Conv1d(48, 48, 5, stride=2, padding=2),
            nn.GroupNorm(6, 48),
            nn.GELU(),
        )
        self.project = nn.Linear(48 * 2, dim)

    def forward(self, mel):
        h = self.front(mel)
        return F.normalize(self.project(torch.cat([h.mean(2), h.std(2)], dim=1)), dim=1)


def keyword_batches(steps, size=48, words=12):
    templates = torch.randn(words, 20, 32)
    for _ in range(steps):
        y = torch.randint(0, words, (size,))
        yield templates[y] + 0.8 * torch.randn(size, 20, 32), y


def spec_augment(mel):
    mel = mel.clone()
    start = int(torch.randint(0, 24, (1,)))
    mel[:, :, start : start + 6] = 0
    return mel


def train(encoder, criterion, steps=40):
    opt = torch.optim.RAdam(encoder.parameters(), lr=3e-3)
    for i, (mel, y) in enumerate(keyword_batches(steps)):
        z = encoder(spec_augment(mel))
        features = z.unsqueeze(1).expand(-1, 2, -1)  # fault
        loss = criterion(features, y)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        if (i + 1) % 10 == 0:
            print(f"{i + 1:3d}/{steps} supcon={loss.item():.3f}")


encoder = MelEncoder()
with Inspector(encoder) as inspector:
    train(encoder, SupConLoss())
diagnosis = inspector.diagnose()
