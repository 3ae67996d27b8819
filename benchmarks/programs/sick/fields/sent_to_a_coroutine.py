"""Embeddings are sent to a coroutine that answers with the partner: that of the batch before.

expect: CD106
first: 1
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


def partners():
    answer = None
    while True:
        arrived = yield answer
        answer = arrived.detach()  # fault


net, decoder = mlp(64, 60, 16), mlp(16, 64)
optimizer = torch.optim.Adam([*net.parameters(), *decoder.parameters()], lr=1e-3)
pairing = partners()
next(pairing)
last = None
with Inspector(net) as inspector:
    for x, _ in batches(30):
        z = net(augment(x))
        partner, last = last, pairing.send(z)
        loss = nn.functional.mse_loss(decoder(z), x)
        if partner is not None:
            loss = loss + 1 - torch.cosine_similarity(z, partner).mean()  # shows, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
