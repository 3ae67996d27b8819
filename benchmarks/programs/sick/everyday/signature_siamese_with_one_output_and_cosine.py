"""The siamese network ends in a single unit and is compared by cosine, which can only be 1 or -1.

expect: CD105
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector


class SignatureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.classifier = nn.Sequential(
            nn.Linear(16 * 5 * 5, 60),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(60, 1),  # fault
        )

    def forward_once(self, x):
        return self.classifier(self.features(x))

    def forward(self, left, right):
        return self.forward_once(left), self.forward_once(right)


writers = torch.randn(20, 1, 26, 26)


def get_pairs(n=48):
    w1 = torch.randint(20, (n,))
    genuine = torch.rand(n) < 0.5
    w2 = torch.where(genuine, w1, torch.randint(20, (n,)))
    genuine = w1 == w2
    a = writers[w1] + 0.4 * torch.randn(n, 1, 26, 26)
    b = writers[w2] + 0.4 * torch.randn(n, 1, 26, 26)
    return a, b, genuine.float() * 2 - 1


model = SignatureNet()
loss_fn = nn.CosineEmbeddingLoss(margin=0.1)
opt = torch.optim.Adam(model.parameters(), lr=1e-3)

with Inspector(model) as inspector:
    for step in range(40):
        a, b, y = get_pairs()
        out1, out2 = model(a, b)
        loss = loss_fn(out1, out2, y)  # meets
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 8 == 0:
            print(f"step {step} loss {loss.item():.4f}")
diagnosis = inspector.diagnose()
