"""From step 37 on a consistency term is added, between the embedding and another name for it.

expect: CD101
first: 37
"""

import torch
import torch.nn.functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def step(model, optimizer, x, y, number):
    first = model(augment(x))
    centre = torch.eye(24)[y]
    loss = F.mse_loss(first, centre)
    if number >= 37:
        second = first  # fault
        loss = loss + (1 - F.cosine_similarity(first, second)).mean()  # meets
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


encoder = Encoder(24)
adam = torch.optim.Adam(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for number, (x, y) in enumerate(batches(56)):
        step(encoder, adam, x, y, number)
diagnosis = inspector.diagnose()
