"""A retrieval evaluation whose gallery holds the query.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, mlp
from collapse_doctor import Inspector

model = mlp(64, 64, 32).eval()
history = []
with Inspector(model) as inspector, torch.no_grad():
    g = model(DIGITS[:200])
    for q in DIGITS[:20]:
        history.append(F.cosine_similarity(model(q[None]), g).max().item())
diagnosis = inspector.diagnose()
