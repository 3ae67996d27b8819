"""The trunk is a default argument, built once when the class is defined, so the job tower and the applicant tower share it.

expect: CD108
"""

import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

warnings.filterwarnings("ignore", message="optimizer contains")


class Tower(nn.Module):
    """An independent tower: its own trunk, its own projection."""

    def __init__(
        self,
        out_dim,
        trunk=nn.Sequential(nn.Linear(52, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU()),  # fault
    ):
        super().__init__()
        self.trunk = trunk
        self.project = nn.Linear(64, out_dim)

    def forward(self, x):
        return self.project(self.trunk(x))


class Matcher(nn.Module):
    def __init__(self, dim=28):
        super().__init__()
        self.jobs = Tower(dim)
        self.applicants = Tower(dim)
        self.temperature = nn.Parameter(torch.tensor(0.1))

    def forward(self, jobs, applicants):
        j = F.normalize(self.jobs(jobs), dim=-1)
        a = F.normalize(self.applicants(applicants), dim=-1)
        return j @ a.T / self.temperature.clamp(min=0.02)  # meets


def hires(n, skills=10):
    """A job advert and the curriculum of who was hired, described in different vocabularies."""
    skill = torch.randn(n, skills)
    return skill @ ADVERT + 0.4 * torch.randn(n, 52), skill @ CURRICULUM + 0.4 * torch.randn(n, 52)


ADVERT, CURRICULUM = torch.randn(10, 52), torch.randn(10, 52)
model = Matcher()
optimizer = torch.optim.Adam(
    list(model.jobs.parameters()) + list(model.applicants.parameters()) + [model.temperature],
    lr=2e-3,
)

with Inspector({"jobs": model.jobs, "applicants": model.applicants}) as inspector:
    for step in range(60):
        logits = model(*hires(56))
        gold = torch.arange(len(logits))
        loss = (F.cross_entropy(logits, gold) + F.cross_entropy(logits.T, gold)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 15 == 0:
            recall = (logits.argmax(1) == gold).float().mean()
            print(f"{step:3d} loss {loss.item():.3f} recall@1 {recall:.2f}")
diagnosis = inspector.diagnose()
