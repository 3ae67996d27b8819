"""The target network is a second name of the online network.

expect: CD108
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

online = Encoder()
target = online  # fault
optimizer = torch.optim.SGD(online.parameters(), lr=0.1)
with Inspector({"online": online, "target": target}) as inspector:
    for x, _ in batches():
        p = online(x)
        t = target(x)
        loss = F.mse_loss(p, t)  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
