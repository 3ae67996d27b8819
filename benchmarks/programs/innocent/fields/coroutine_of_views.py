"""Views are sent to a coroutine that answers with the embedding of the other view.

expect: healthy
"""

import torch
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector


def partners():
    arrived = yield
    while True:
        arrived = yield net(augment(arrived)).detach()


net, decoder = mlp(64, 60, 16), mlp(16, 64)
optimizer = torch.optim.Adam([*net.parameters(), *decoder.parameters()], lr=1e-3)
pairing = partners()
next(pairing)
with Inspector(net) as inspector:
    for x, _ in batches(30):
        z = net(augment(x))
        partner = pairing.send(x)
        loss = nn.functional.mse_loss(decoder(z), x)
        loss = loss + nn.functional.mse_loss(z, partner)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
