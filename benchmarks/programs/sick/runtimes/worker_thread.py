"""The training runs in a thread of its own.

expect: CD101
"""

import threading

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())


def work():
    for x, _ in batches():
        z = model(x)
        loss = F.mse_loss(z, z)  # fault, meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


with Inspector(model) as inspector:
    t = threading.Thread(target=work)
    t.start()
    t.join()
diagnosis = inspector.diagnose()
