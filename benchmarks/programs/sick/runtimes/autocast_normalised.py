"""Under autocast one side is normalised in full precision, the other without gradient.

expect: CD103
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
with Inspector(model) as inspector:
    for x, _ in batches():
        with torch.autocast("cpu", torch.bfloat16):
            z = model(x)
            p = F.normalize(z.float(), dim=1)
            with torch.no_grad():
                t = F.normalize(z, dim=1)  # fault
            loss = 1 - F.cosine_similarity(p, t).mean()  # meets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
