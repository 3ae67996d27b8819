# %%
"""Cells of an exported notebook: names are reused, and the key of the second cell is the query.

expect: CD103
"""

# %%
import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

X = torch.rand(256, 30)
enc = nn.Sequential(nn.Linear(30, 60), nn.Mish(), nn.Linear(60, 12))
dec = nn.Linear(12, 30)
opt = torch.optim.Adam(list(enc.parameters()) + list(dec.parameters()), 1e-3)

# %%
insp = Inspector(enc)
insp.__enter__()

# %%
for i in range(20):
    b = X[i % 8 * 32 : i % 8 * 32 + 32]
    q = enc(b)
    k = q  # fault
    q = F.normalize(q, p=2, dim=-1)
    with torch.no_grad():
        k = F.normalize(k, p=2, dim=-1)  # fault
    l_pos = torch.einsum("nc,nc->n", [q, k]).unsqueeze(-1)  # meets
    loss = -l_pos.mean() + F.mse_loss(dec(enc(b)), b)
    opt.zero_grad()
    loss.backward()
    opt.step()

# %%
insp.__exit__(None, None, None)
diagnosis = insp.diagnose()
