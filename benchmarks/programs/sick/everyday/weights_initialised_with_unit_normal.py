"""nn.init.normal_ is called with its default std of 1 on wide layers, so gradients grow with every layer they pass.

expect: CD204
"""

import torch
from torch import nn

from collapse_doctor import Inspector


def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.normal_(m.weight)  # fault
        nn.init.zeros_(m.bias)


def make_encoder(sizes):
    blocks = []
    for i, o in zip(sizes[:-2], sizes[1:-1]):
        blocks += [nn.Linear(i, o), nn.ReLU()]
    blocks.append(nn.Linear(sizes[-2], sizes[-1]))
    enc = nn.Sequential(*blocks)
    enc.apply(init_weights)
    return enc


customers = torch.randn(50, 36)


def triplets(n):
    c = torch.randint(50, (n,))
    o = (c + torch.randint(1, 50, (n,))) % 50
    noise = lambda: 0.5 * torch.randn(n, 36)
    return customers[c] + noise(), customers[c] + noise(), customers[o] + noise()


encoder = make_encoder([36, 128, 128, 128, 128, 128, 24])
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
distance = nn.PairwiseDistance(p=2)

with Inspector(encoder) as inspector:
    for step in range(50):
        a, p, n = (encoder(t) for t in triplets(64))
        loss = torch.relu(distance(a, p) ** 2 - distance(a, n) ** 2 + 1.0).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            norms = [
                f"{l.weight.grad.norm().item():.1e}" for l in encoder if isinstance(l, nn.Linear)
            ]
            print(step, f"{loss.item():.3e}", norms)
diagnosis = inspector.diagnose()
