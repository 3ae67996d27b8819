"""The criterion keeps the last embedding in a mutable default argument.

expect: CD106
first: 1
"""

import torch

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector

model = Encoder()
optimizer = torch.optim.Adam(model.parameters())


def criterion(z, state={}):  # noqa: B006
    prev = state.get("p")
    state["p"] = z.detach()  # fault
    return (1 - torch.cosine_similarity(z, prev)).mean() if prev is not None else z.var()  # meets


with Inspector(model) as inspector:
    for x, _ in batches(9):
        loss = criterion(model(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
