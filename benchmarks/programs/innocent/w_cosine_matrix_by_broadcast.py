"""InfoNCE with F.cosine_similarity broadcast over all pairs: (B, 1, D) against (1, B, D).

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

query, key = (nn.Sequential(nn.Linear(18, 48), nn.ReLU(), nn.Linear(48, 16)) for _ in range(2))
optimizer = torch.optim.Adam([*query.parameters(), *key.parameters()], lr=3e-3)
to_query, to_key = torch.randn(10, 18), torch.randn(10, 18)
with Inspector({"query": query, "key": key}) as inspector:
    for _ in range(50):
        latent = torch.randn(40, 10)
        q, k = query(latent @ to_query), key(latent @ to_key)
        sims = F.cosine_similarity(q[:, None, :], k[None, :, :], dim=2)
        loss = F.cross_entropy(sims / 0.1, torch.arange(40))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
