"""Weight decay with a loss of directions: lengths fall to where both are in balance.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

encoder = Encoder(48)
opt = torch.optim.AdamW(encoder.parameters(), lr=3e-3, weight_decay=1.0)
with Inspector(encoder) as inspector:
    for x, _ in batches(900, 64):
        first, second = encoder(augment(x)), encoder(augment(x))
        sims = F.cosine_similarity(first.unsqueeze(1), second.unsqueeze(0), dim=-1)
        loss = F.cross_entropy(sims / 0.2, torch.arange(len(x)))
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
