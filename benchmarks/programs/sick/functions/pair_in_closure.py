"""The pair is made inside a closure, and the similarity inside another.

expect: CD101
"""

import torch

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


def make(model):

    def step(x):

        def sim(u, v):
            return torch.cosine_similarity(u, v, dim=1)  # meets

        e = model(x)
        pair = e, e  # fault
        return 1 - sim(*pair).mean()

    return step


model = Encoder()
optimizer = torch.optim.Adam(model.parameters())
step = make(model)
with Inspector(model) as inspector:
    for x, _ in batches():
        optimizer.zero_grad()
        step(x).backward()
        optimizer.step()
diagnosis = inspector.diagnose()
