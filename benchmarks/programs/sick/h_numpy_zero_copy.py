"""A NumPy person keeps the reference as array; from_numpy gives it back over the same memory.

expect: CD102
"""

import numpy as np
import torch

from collapse_doctor import Inspector

W_true = np.random.randn(5, 24).astype(np.float32)


def sample(n):
    s = np.random.randn(n, 5).astype(np.float32)
    return [s @ W_true + 0.2 * np.random.randn(n, 24).astype(np.float32) for _ in range(2)]


embed = torch.nn.Sequential(torch.nn.Linear(24, 50), torch.nn.ELU(), torch.nn.Linear(50, 10))
decode = torch.nn.Linear(10, 24)
opt = torch.optim.RMSprop(list(embed.parameters()) + list(decode.parameters()), lr=1e-3)
with Inspector(embed) as inspector:
    for it in range(25):
        a, b = sample(64)
        z = embed(torch.from_numpy(a))
        ref = z.detach().numpy()  # fault
        ref = np.ascontiguousarray(ref)
        target = torch.from_numpy(ref)  # fault
        loss = torch.nn.functional.smooth_l1_loss(z, target)  # meets
        loss = loss + (decode(z) - torch.from_numpy(a)).square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()

diagnosis = inspector.diagnose()
