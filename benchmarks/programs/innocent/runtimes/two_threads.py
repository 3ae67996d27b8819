"""Both halves of the batch go through in threads.

expect: healthy
"""

import threading

import torch
from torch.nn import functional as F

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 10)
optimizer = torch.optim.Adam(model.parameters(), 0.001)
with Inspector(model) as inspector:
    for x, y in batches(30, 64):
        r = [None, None]

        def run(k):
            r[k] = model(x[k * 32 : k * 32 + 32])

        t = [threading.Thread(target=run, args=(k,)) for k in (0, 1)]
        for q in t:
            q.start()
        for q in t:
            q.join()
        loss = F.cross_entropy(torch.cat(r), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=y)
diagnosis = inspector.diagnose()
