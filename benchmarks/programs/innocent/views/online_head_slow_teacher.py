"""A head on the student, and a teacher that follows slowly.

expect: healthy
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector

s_ = Encoder()
t_ = copy.deepcopy(s_)
optimizer = torch.optim.SGD(s_.parameters(), lr=0.05)
h = nn.Linear(32, 32)
optimizer.add_param_group({"params": h.parameters()})
with Inspector({"student": s_, "teacher": t_}) as inspector:
    for x, _ in batches(100):
        with torch.no_grad():
            k = t_(augment(x))
        q = h(s_(augment(x)))
        loss = 2 - 2 * F.cosine_similarity(q, k).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for a, b in zip(t_.parameters(), s_.parameters()):
            a.data.mul_(0.99).add_(b.data, alpha=0.01)
diagnosis = inspector.diagnose()
