"""Past embeddings are kept in a list of NumPy arrays, and the last one is the target.

expect: CD106
first: 1
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
memory = []
with Inspector(model) as inspector:
    for x, _ in batches():
        z = model(x)
        if memory:
            loss = F.mse_loss(z, torch.from_numpy(memory[-1]))  # meets
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        else:
            optimizer.zero_grad()
            z.pow(2).mean().backward()
            optimizer.step()
        memory.append(z.detach().cpu().numpy())  # fault
diagnosis = inspector.diagnose()
