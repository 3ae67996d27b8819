"""The loss asks for two views of each sample, so the one there is gets repeated along that axis.

expect: CD104
"""

import torch
import torch.nn.functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def supervised_contrast(views, y, temperature=0.3):
    first, second = views.unbind(1)
    logits = first @ second.T / temperature  # meets
    same = y.unsqueeze(0).eq(y.unsqueeze(1)).float()
    logp = logits.log_softmax(1)
    return -(same * logp).sum(1).div(same.sum(1)).mean()


encoder = Encoder(24)
optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-3)
with Inspector(encoder) as inspector:
    for x, y in batches(24):
        z = F.normalize(encoder(augment(x)), dim=1)
        both = z[:, None].repeat(1, 2, 1)  # fault
        loss = supervised_contrast(both, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
