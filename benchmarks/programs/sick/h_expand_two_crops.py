"""A crop axis made by expand, which copies nothing: both crops of the embedding are one memory.

expect: CD102
"""

from dataclasses import dataclass

import torch
from torch import nn

from collapse_doctor import Inspector


@dataclass
class Settings:
    crops: int = 2
    batch: int = 32
    dim: int = 20
    steps: int = 25
    lr: float = 1e-3


class Net(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.stem = nn.Conv1d(1, 12, 5, stride=2)
        self.norm = nn.BatchNorm1d(12)
        self.head = nn.Linear(12, dim)

    def forward(self, wave):
        return self.head(self.norm(self.stem(wave)).relu().amax(-1))


def run(s: Settings):
    net = Net(s.dim)
    recon = nn.Linear(s.dim, 30)
    opt = torch.optim.Adam([*net.parameters(), *recon.parameters()], lr=s.lr)
    with Inspector(net) as inspector:
        for _ in range(s.steps):
            wave = torch.randn(s.batch, 1, 30).cumsum(-1) / 5
            z = net(wave).unsqueeze(1).expand(-1, s.crops, -1)  # fault
            crop_a, crop_b = z.unbind(1)
            consistency = (1 - torch.cosine_similarity(crop_a, crop_b, dim=-1)).mean()  # meets
            loss = consistency + (recon(crop_a) - wave.squeeze(1)).pow(2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
    return inspector.diagnose()


diagnosis = run(Settings())
