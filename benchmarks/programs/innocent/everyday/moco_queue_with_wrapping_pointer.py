"""MoCo whose queue holds detached keys of earlier steps, on purpose, and is renewed in a ring.

expect: healthy
"""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

K, DIM, M, T = 256, 24, 0.97, 0.2
objects = torch.randn(300, 50)


def crops(n):
    i = torch.randperm(300)[:n]
    return [objects[i] + 0.5 * torch.randn(n, 50) for _ in range(2)]


encoder_q = nn.Sequential(nn.Linear(50, 100), nn.ReLU(), nn.Linear(100, DIM))
encoder_k = copy.deepcopy(encoder_q).requires_grad_(False)
with torch.no_grad():
    queue = torch.cat([F.normalize(encoder_k(crops(32)[0]), dim=1) for _ in range(K // 32)])
ptr = 0
opt = torch.optim.SGD(encoder_q.parameters(), lr=0.15, momentum=0.9, weight_decay=1e-4)

with Inspector({"query": encoder_q, "key": encoder_k}) as inspector:
    for step in range(70):
        x_q, x_k = crops(32)
        q = F.normalize(encoder_q(x_q), dim=1)
        with torch.no_grad():
            for a, b in zip(encoder_q.parameters(), encoder_k.parameters()):
                b.data.mul_(M).add_(a.data, alpha=1 - M)
            k = F.normalize(encoder_k(x_k), dim=1)
        pos = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
        neg = torch.einsum("nc,kc->nk", q, queue.clone().detach())
        loss = F.cross_entropy(torch.cat([pos, neg], 1) / T, torch.zeros(32, dtype=torch.long))
        opt.zero_grad()
        loss.backward()
        opt.step()
        queue[ptr : ptr + 32] = k
        ptr = (ptr + 32) % K
        if step % 14 == 0:
            print(f"{step} {loss.item():.3f}")
diagnosis = inspector.diagnose()
