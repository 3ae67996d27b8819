"""A MoCo queue holds detached keys of earlier steps on purpose; its pointer wraps round, so every key is replaced in time.

expect: healthy
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class RingQueue:
    def __init__(self, slots, dim):
        self.keys = F.normalize(torch.randn(slots, dim), dim=-1)
        self.at = 0

    @torch.no_grad()
    def push(self, keys):
        where = (self.at + torch.arange(len(keys))) % len(self.keys)
        self.keys[where] = keys
        self.at = int(where[-1] + 1) % len(self.keys)


def ecg(n, length=120):
    """Heart beats: three bumps with individual places and heights."""
    t = torch.linspace(0, 1, length)
    centre = torch.tensor([0.25, 0.5, 0.75]) + 0.08 * torch.randn(n, 3)
    width = 0.02 + 0.05 * torch.rand(n, 3)
    height = torch.randn(n, 3)
    return (
        height[..., None] * torch.exp(-(((t - centre[..., None]) / width[..., None]) ** 2))
    ).sum(1, keepdim=True)


def wander(beat):
    phase, amp = 6.28 * torch.rand(len(beat), 1, 1), 0.3 * torch.rand(len(beat), 1, 1)
    return (
        beat
        + amp * torch.sin(torch.linspace(0, 6, beat.shape[-1]) + phase)
        + 0.05 * torch.randn_like(beat)
    )


def encoder():
    return nn.Sequential(
        nn.Conv1d(1, 24, 9, stride=3),
        nn.BatchNorm1d(24),
        nn.ReLU(),
        nn.Conv1d(24, 32, 5, stride=2),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 17, 32),
    )


query_net = encoder()
key_net = copy.deepcopy(query_net).requires_grad_(False)
queue = RingQueue(slots=256, dim=32)
opt = torch.optim.Adam(query_net.parameters(), lr=1e-3)

with Inspector(query_net) as inspector:
    for step in range(70):
        beats = ecg(64)
        q = F.normalize(query_net(wander(beats)), dim=1)
        with torch.no_grad():
            for pk, pq in zip(key_net.parameters(), query_net.parameters()):
                pk.lerp_(pq, 0.1)
            k = F.normalize(key_net(wander(beats)), dim=1)
        pos = torch.linalg.vecdot(q, k)[:, None]
        neg = q @ queue.keys.clone().T
        loss = F.cross_entropy(torch.cat([pos, neg], 1) / 0.2, torch.zeros(64, dtype=torch.long))
        opt.zero_grad()
        loss.backward()
        opt.step()
        queue.push(k)
        if step % 14 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
