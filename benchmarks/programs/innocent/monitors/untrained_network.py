"""A deep network that is only evaluated.

expect: healthy
"""

import torch

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

model = mlp(64, *[64] * 8, 32).eval()
with Inspector(model) as inspector:
    with torch.inference_mode():
        for x, y in batches(30, 32):
            model(x)
diagnosis = inspector.diagnose()
