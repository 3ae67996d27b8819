"""The loss is right; the similarity printed at the end is of an embedding with itself.

expect: CD101
first: 40
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
head = nn.Linear(32, 10)
optimizer.add_param_group({"params": head.parameters()})
for_log = []
with Inspector(model) as inspector:
    for x, y in batches(40):
        z = model(x)
        loss = F.cross_entropy(head(z), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        model.eval()
        e = model(DIGITS[:100])
        for_log.append(F.cosine_similarity(e, e).mean().item())  # fault, meets
diagnosis = inspector.diagnose()
