"""The jitter of both crops fades to a hundredth of what it was, and never to nothing.

expect: healthy
"""

import torch
import torch.nn.functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

encoder = Encoder(24)
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
with Inspector(encoder) as inspector:
    for step, (x, _) in enumerate(batches(60)):
        strength = max(0.003, 0.3 * (1 - step / 28))
        one, two = (x + strength * torch.randn_like(x) for _ in range(2))
        a, b = F.normalize(encoder(one)), F.normalize(encoder(two))
        loss = F.cross_entropy(a @ b.T / 0.3, torch.arange(len(a)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
