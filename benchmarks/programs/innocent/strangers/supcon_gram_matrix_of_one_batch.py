"""z @ z.T and cdist(z, z) use one tensor twice because all pairs of the batch are wanted; the diagonal is masked.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

# chemical analyses of wines from fourteen villages
villages = torch.randn(14, 18)
Y = torch.randint(0, 14, (420,))
X = villages[Y] + 0.7 * torch.randn(420, 18)


def supcon(z, y, t=0.3):
    z = F.normalize(z, dim=1)
    n = len(z)
    eye = torch.eye(n, dtype=torch.bool)
    sim = (z @ z.t() / t).masked_fill(eye, -1e9)
    same = (y[:, None] == y[None]) & ~eye
    log_p = sim - sim.logsumexp(1, keepdim=True)
    rows = same.any(1)
    return -((log_p * same).sum(1)[rows] / same.sum(1)[rows]).mean()


def batch_all_push(z, y, margin=2.0):
    d = torch.cdist(z, z)
    different = y[:, None] != y[None]
    return F.relu(margin - d[different]).mean()


torch.manual_seed(12)
net = nn.Sequential(nn.Linear(18, 64), nn.Softplus(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
with Inspector(net) as inspector:
    for step in range(50):
        pick = torch.randperm(len(X))[:60]
        x = X[pick] + 0.1 * torch.randn(60, 18)
        z = net(x)
        loss = supcon(z, Y[pick]) + 0.3 * batch_all_push(z, Y[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            print(step, loss.item())
diagnosis = inspector.diagnose()
