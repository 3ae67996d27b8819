"""A queue.Queue hands out the embedding that was put in the step before.

expect: CD106
first: 1
"""

import queue

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

encoder, decoder = mlp(64, 72, 18), mlp(18, 64)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
waiting = queue.Queue()
with Inspector(encoder) as inspector:
    for x, _ in batches(20):
        z = encoder(x)
        waiting.put(z.detach())  # fault
        loss = F.mse_loss(decoder(z), x)
        if waiting.qsize() > 1:
            partner = waiting.get_nowait()  # fault
            loss = loss + F.smooth_l1_loss(z, partner)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
