"""A function for the log centres its rows in place, by a detached tensor that it takes for a copy.

expect: CD109
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


def variances(embedding):
    rows = embedding.data
    rows -= rows.mean(dim=0, keepdim=True)  # fault
    return rows.square().mean(dim=0)


def info_nce(queries, keys, temperature=0.2):
    queries, keys = F.normalize(queries, dim=1), F.normalize(keys, dim=1)
    return F.cross_entropy(queries @ keys.T / temperature, torch.arange(len(keys)))  # meets


encoder = mlp(64, 100, 28)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
log = []
with Inspector(encoder) as inspector:
    for image, _ in batches(40):
        queries = encoder(augment(image))
        keys = encoder(augment(image))
        log.append(variances(keys).mean().item())
        loss = info_nce(queries, keys)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
