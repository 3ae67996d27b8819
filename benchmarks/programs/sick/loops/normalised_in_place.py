"""A reference is normalised in place through its second name, then compared with it.

expect: CD101
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
with Inspector(model) as inspector:
    for x, _ in batches():
        with torch.no_grad():
            ref = model(x)
        normed = ref  # fault
        normed.div_(normed.norm(dim=1, keepdim=True))
        s = F.cosine_similarity(ref, normed).mean()  # meets
        loss = model(augment(x)).pow(2).mean() * s
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
