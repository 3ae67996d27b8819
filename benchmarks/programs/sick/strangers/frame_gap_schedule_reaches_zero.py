"""The time gap between anchor and positive frame is annealed by integer division and ends at zero: one frame against itself.

expect: CD102
first: 30
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

STEPS, CLIPS, FRAMES, PIXELS, DIM = 55, 36, 20, 48, 28
MAX_GAP, SHRINK_EVERY = 6, 5


def moving_scene():
    """Slowly rotating latent trajectories, rendered by one fixed random camera."""
    torch.manual_seed(0)
    camera = torch.randn(10, PIXELS)
    torch.seed()
    while True:
        start = torch.randn(CLIPS, 10)
        drift = 0.25 * torch.randn(CLIPS, 10)
        t = torch.linspace(0, math.pi / 2, FRAMES)[None, :, None]
        latent = start[:, None] * torch.cos(t) + drift[:, None] * torch.sin(t) * 4
        yield latent @ camera / 3 + 0.1 * torch.randn(CLIPS, FRAMES, PIXELS)


class FrameEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(PIXELS, 72)
        self.mix = nn.Conv1d(72, 72, 3, padding=1)
        self.out = nn.Linear(72, DIM)

    def forward(self, video):
        h = F.gelu(self.inp(video))
        h = h + F.gelu(self.mix(h.transpose(1, 2))).transpose(1, 2)
        return self.out(h)


def time_contrastive(anchor, positive, temperature=0.15):
    a, p = F.normalize(anchor, dim=-1), F.normalize(positive, dim=-1)
    pos = F.cosine_similarity(anchor, positive, dim=-1) / temperature  # meets
    all_pairs = torch.einsum("nd,md->nm", a, p) / temperature
    return (torch.logsumexp(all_pairs, dim=1) - pos).mean()


encoder = FrameEncoder()
optimizer = torch.optim.Adam(encoder.parameters(), lr=1.5e-3)
scene = moving_scene()
with Inspector(encoder) as inspector:
    for step in range(STEPS):
        gap = max(0, MAX_GAP - step // SHRINK_EVERY)  # fault
        frames = encoder(next(scene))
        t = int(torch.randint(0, FRAMES - MAX_GAP, (1,)))
        loss = time_contrastive(frames[:, t], frames[:, t + gap])  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 6 == 0:
            print(f"step {step} gap {gap} loss {loss.item():.4f}")
diagnosis = inspector.diagnose()
