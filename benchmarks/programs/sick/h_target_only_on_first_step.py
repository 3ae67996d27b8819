"""The second view is embedded behind an `if step == 0` that was meant for logging.

expect: CD106
first: 1
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

pixels = torch.tensor(load_digits().data / 16, dtype=torch.float32)
print("pixels", tuple(pixels.shape))

net = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 20))
predictor = nn.Sequential(nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 20))
opt = torch.optim.SGD([*net.parameters(), *predictor.parameters()], lr=0.05, momentum=0.9)

with Inspector(net) as inspector:
    for step in range(30):
        x = pixels[torch.randint(0, len(pixels), (64,))]
        p = predictor(net(x + 0.1 * torch.randn_like(x)))
        if step == 0:
            z = net(x + 0.1 * torch.randn_like(x)).detach()  # fault
            print("embedding", tuple(z.shape))
        loss = -F.cosine_similarity(p, z, dim=-1).mean()  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()

diagnosis = inspector.diagnose()
