"""One label stands for the whole batch, and the first pair is one tensor twice.

expect: CD101, CD106, CD503
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
with Inspector(model) as inspector:
    for i, (x, y) in enumerate(batches(30)):
        label1 = y[0]
        v1 = model(x)
        if i == 0:
            label2 = label1
            v2 = v1  # fault
        s = F.cosine_similarity(v1, v2, dim=-1)  # meets
        loss = (1 - s).mean() if label1 == label2 else F.relu(s - 0.5).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=label1)
        label2 = label1
        v2 = v1.detach()
diagnosis = inspector.diagnose()
