"""Two students on the same inputs teach each other with detached predictions.

expect: healthy
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from collapse_doctor import Inspector

data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
nets = {
    k: nn.Sequential(nn.Linear(64, w), nn.ReLU(), nn.Linear(w, 10))
    for k, w in (("a", 48), ("b", 64))
}
optimizers = {k: torch.optim.Adam(net.parameters(), lr=3e-3) for k, net in nets.items()}
with Inspector(nets) as inspector:
    for rows in torch.randperm(1600).split(50):
        logits = {k: net(x[rows]) for k, net in nets.items()}
        for k, other in (("a", "b"), ("b", "a")):
            peer = logits[other].detach().softmax(1)
            kl = F.kl_div(logits[k].log_softmax(1), peer, reduction="batchmean")
            loss = F.cross_entropy(logits[k], y[rows]) + kl
            optimizers[k].zero_grad()
            loss.backward()
            optimizers[k].step()

diagnosis = inspector.diagnose()
