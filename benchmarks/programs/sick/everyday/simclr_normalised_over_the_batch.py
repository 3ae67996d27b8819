"""F.normalize is called with dim=0, so the columns get unit length instead of the embeddings.

expect: CD206
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class AudioEncoder(nn.Module):
    def __init__(self, mels=20, d=30):
        super().__init__()
        self.conv1 = nn.Conv1d(mels, 32, 5, padding=2)
        self.conv2 = nn.Conv1d(32, 48, 5, stride=2)
        self.head = nn.Sequential(nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, d))

    def forward(self, spec):
        h = F.relu(self.conv2(F.relu(self.conv1(spec))))
        h = torch.cat([h.mean(-1), h.amax(-1)], dim=1)
        return self.head(h)


def info_nce(za, zb, temperature=0.1):
    za = F.normalize(za, dim=0)  # fault
    zb = F.normalize(zb, dim=0)  # fault
    logits = za @ zb.T / temperature  # meets
    targets = torch.arange(za.shape[0])
    return 0.5 * (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets))


speakers = torch.randn(64, 20, 1)


def segments(n):
    s = torch.randperm(64)[:n]
    cut = lambda: speakers[s] + 0.7 * torch.randn(n, 20, 36).cumsum(-1) / 6
    return cut(), cut()


def train(steps=48, batch=44):
    net = AudioEncoder()
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    with Inspector(net) as inspector:
        for step in range(steps):
            a, b = segments(batch)
            loss = info_nce(net(a), net(b))
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            if step % 12 == 0:
                print(f"step {step:>3}  nce {loss.item():.3f}")
    return inspector.diagnose()


diagnosis = train()
