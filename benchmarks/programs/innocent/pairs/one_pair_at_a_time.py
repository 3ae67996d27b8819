"""One pair at a time, its partner drawn from the class: now and then itself.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS, mlp
from collapse_doctor import Inspector

x0, y0 = DIGITS[:50], LABELS[:50]
model = mlp(64, 64, 32)
optimizer = torch.optim.SGD(model.parameters(), 0.02)
with Inspector(model) as inspector:
    for k in range(120):
        a = torch.randint(0, 50, (1,)).item()
        t = k % 2
        c = torch.nonzero(y0 == y0[a] if t else y0 != y0[a]).flatten()
        b = c[torch.randint(0, len(c), (1,))].item()
        loss = F.cosine_embedding_loss(
            model(x0[a : a + 1]),
            model(x0[b : b + 1]),
            torch.tensor([1.0 if t else -1.0]),
            margin=0.2,
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        inspector.step(loss=loss, labels=[t])
diagnosis = inspector.diagnose()
