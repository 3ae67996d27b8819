"""An asynchronous loader gives pairs of views; the second is the first.

expect: CD107
"""

import asyncio

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


async def fetch(x):
    await asyncio.sleep(0)
    view = augment(x)
    return view, view  # fault


async def loader(steps):
    for x, _ in batches(steps):
        yield await fetch(x)


async def main(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    async for left, right in loader(20):
        u, v = F.normalize(model(left), dim=-1), F.normalize(model(right), dim=-1)
        logits = u @ v.T / 0.1  # meets
        loss = F.cross_entropy(logits, torch.arange(len(u)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


model = Encoder()
with Inspector(model) as inspector:
    asyncio.run(main(model))
diagnosis = inspector.diagnose()
