"""The noise that makes the second view in feature space is annealed down to nothing.

expect: CD104
first: 30
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

# simGCL-style recommendation: perturb the item embeddings, no graph augmentation
n_items, dim, steps = 400, 32, 60
co_bought = torch.randint(n_items, (n_items, 8))

item_encoder = nn.Sequential(
    nn.Embedding(n_items, 48), nn.Linear(48, 64), nn.Tanh(), nn.Linear(64, dim)
)
optimizer = torch.optim.Adam(item_encoder.parameters(), lr=4e-3)


def noise_scale(step, start=0.4, anneal=30):
    return start * max(0.0, 1.0 - step / anneal)  # fault


def perturb(z, scale):
    return z + scale * torch.randn_like(z)


history = []
with Inspector(item_encoder) as inspector:
    for step in range(steps):
        ids = torch.randint(n_items, (72,))
        partner = co_bought[ids, torch.randint(8, (72,))]
        z = item_encoder(ids)
        z_aug = perturb(z, noise_scale(step))  # shows
        pos = F.cosine_similarity(z, z_aug) / 0.2  # meets
        neg = F.cosine_similarity(z, z_aug.roll(1, 0)) / 0.2
        ssl = F.softplus(neg - pos).mean()

        zp = item_encoder(partner)
        co = F.softplus(-(z * zp).sum(-1)).mean() + F.softplus((z * zp.roll(3, 0)).sum(-1)).mean()
        loss = co + 0.2 * ssl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append((co.item(), ssl.item()))

for k in range(0, steps, 10):
    print(k, "co-purchase %.3f  ssl %.4f" % history[k])
diagnosis = inspector.diagnose()
