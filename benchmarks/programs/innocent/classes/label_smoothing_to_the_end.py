"""600 steps of cross-entropy with label smoothing and mixup; the penultimate features are returned.

expect: healthy
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from collapse_doctor import Inspector

X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X).float() / 16, torch.tensor(y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, 256),
            nn.BatchNorm1d(256),
            nn.ReLU(),
            nn.Linear(256, 128),
            nn.BatchNorm1d(128),
            nn.ReLU(),
        )
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        f = self.body(x)
        return self.head(f), f


net = Net()
opt = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
sched = OneCycleLR(opt, 0.2, total_steps=600)
ce = nn.CrossEntropyLoss(label_smoothing=0.1)
with Inspector(net) as inspector:
    for step in range(600):
        i = torch.randint(len(X), (128,))
        lam, perm = float(torch.distributions.Beta(0.4, 0.4).sample()), torch.randperm(128)
        if step > 400:
            lam = 1.0
        out, _ = net(lam * X[i] + (1 - lam) * X[i][perm])
        loss = lam * ce(out, y[i]) + (1 - lam) * ce(out, y[i][perm])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
diagnosis = inspector.diagnose()
