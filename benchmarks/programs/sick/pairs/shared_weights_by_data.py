"""A target network starts from the online weights, assigned by .data: they are the same memory.

expect: CD108
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches, mlp
from collapse_doctor import Inspector

online, target = Encoder(), Encoder()
for slow, fast in zip(target.parameters(), online.parameters()):
    slow.data = fast.data  # fault
predictor = mlp(32, 32, 32)
optimizer = torch.optim.SGD([*online.parameters(), *predictor.parameters()], lr=0.05)
with Inspector({"online": online, "target": target}) as inspector:
    for x, _ in batches(30):
        with torch.no_grad():
            goal = F.normalize(target(augment(x)), dim=1)
        prediction = F.normalize(predictor(online(augment(x))), dim=1)
        loss = (prediction - goal).pow(2).sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
