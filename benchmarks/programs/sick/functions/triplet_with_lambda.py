"""A triplet loss with a distance of one's own, given the anchor twice.

expect: CD101
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
criterion = nn.TripletMarginWithDistanceLoss(
    distance_function=lambda a, b: 1 - F.cosine_similarity(a, b), margin=0.5
)
with Inspector(model) as inspector:
    for x, _ in batches():
        emb = model(x)
        anc = emb[:16]
        neg = emb[16:]
        loss = criterion(anc, anc, neg)  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
