"""Each step is a job of a thread pool.

expect: CD101
"""

from concurrent.futures import ThreadPoolExecutor

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
executor = ThreadPoolExecutor(1)


def one(b):
    z = model(b[0])
    loss = F.mse_loss(z, z)  # fault, meets
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


with Inspector(model) as inspector:
    for b in batches(5):
        executor.submit(one, b).result()
diagnosis = inspector.diagnose()
