"""SimCLR whose logits have the positive in the first column: all targets are zero.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def info_nce(z, count, temperature=0.2):
    own = torch.cat([torch.arange(count)] * 2)
    same = own[:, None] == own[None]
    z = F.normalize(z, dim=1)
    similarity = z @ z.T
    itself = torch.eye(2 * count, dtype=torch.bool)
    same, similarity = (one[~itself].view(2 * count, -1) for one in (same, similarity))
    positives = similarity[same].view(2 * count, -1)
    negatives = similarity[~same].view(2 * count, -1)
    logits = torch.cat([positives, negatives], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(2 * count, dtype=torch.long))


model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
with Inspector(model) as inspector:
    for x, _ in batches(50):
        loss = info_nce(model(torch.cat([augment(x), augment(x)])), len(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
