"""The contrastive loss is summed over all pairs, so raw gradients are in the hundreds, and clip_grad_norm_ holds them: large is not exploding.

expect: healthy
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector


class Molecule(nn.Module):
    """Count fingerprints to a vector."""

    def __init__(self, bits=96, dim=24):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(bits, 100), nn.Linear(100, dim)
        self.norm = nn.LayerNorm(100)

    def forward(self, fp):
        return self.fc2(nn.functional.silu(self.norm(self.fc1(fp))))


def assay(n, scaffolds=15):
    g = torch.Generator().manual_seed(7)
    core = (torch.rand(scaffolds, 96, generator=g) < 0.25).float()
    s = torch.randint(scaffolds, (n,))
    flips = (torch.rand(n, 96) < 0.08).float()
    return (core[s] - flips).abs(), s


def summed_contrastive(z, s, margin=3.0):
    iu = torch.triu_indices(len(z), len(z), offset=1)
    d = (z[iu[0]] - z[iu[1]]).norm(dim=1)
    same = (s[iu[0]] == s[iu[1]]).float()
    return (same * d.square() + (1 - same) * (margin - d).clamp(min=0).square()).sum()


def run(seed=50, steps=60, clip=1.0):
    torch.manual_seed(seed)
    model = Molecule()
    opt = torch.optim.SGD(model.parameters(), lr=0.08)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=15)
    with Inspector(model) as inspector:
        for _ in range(steps):
            fp, s = assay(60)
            loss = summed_contrastive(model(fp), s)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            opt.step()
            plateau.step(loss.item())
    return inspector.diagnose()


diagnosis = run()
