"""The feature extractor returns the dict its hook fills, so after two forward passes both "views" are the second one.

expect: CD101
"""

from collections import OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector

torch.manual_seed(11)

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
labels = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(images, labels), batch_size=96, shuffle=True, drop_last=True)

net = nn.Sequential(
    OrderedDict(
        [
            ("conv1", nn.Conv2d(1, 12, 3, padding=1)),
            ("act1", nn.GELU()),
            ("conv2", nn.Conv2d(12, 24, 3, stride=2, padding=1)),
            ("act2", nn.GELU()),
            ("flat", nn.Flatten()),
            ("embed", nn.Linear(24 * 16, 48)),
            ("norm", nn.LayerNorm(48)),
            ("classifier", nn.Linear(48, 10)),
        ]
    )
)

captured = {}


def remember(name):
    def hook(module, args, output):
        captured[name] = output

    return hook


net.embed.register_forward_hook(remember("embed"))


def run(batch):
    logits = net(batch)
    return logits, captured  # fault


def shift_and_noise(x):
    dx, dy = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(x, (dx, dy), dims=(2, 3)) + 0.1 * torch.randn_like(x)


def nt_xent(a, b, temperature=0.3):
    n = a.size(0)
    z = F.normalize(torch.cat([a, b]), dim=1)  # meets
    sim = z @ z.t() / temperature
    sim.fill_diagonal_(float("-inf"))
    partner = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(sim, partner)


optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
with Inspector(net) as inspector:
    for epoch in range(2):
        for x, y in loader:
            logits, first = run(shift_and_noise(x))
            _, second = run(shift_and_noise(x))
            loss = nt_xent(first["embed"], second["embed"]) + 0.2 * F.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: {loss.item():.4f}")
diagnosis = inspector.diagnose()
