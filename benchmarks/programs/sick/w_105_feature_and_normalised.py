"""A face net returns (feature, normalised feature); the trainer takes them for two views.

expect: CD105
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class FaceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(50, 80), nn.PReLU(), nn.Linear(80, 32))

    def forward(self, x):
        feature = self.body(x)
        return feature, F.normalize(feature, dim=1)  # shows


net = FaceNet()
classifier = nn.Linear(32, 20, bias=False)
optimizer = torch.optim.SGD([*net.parameters(), *classifier.parameters()], lr=0.05, momentum=0.9)
faces = torch.randn(20, 50)

with Inspector(net) as inspector:
    for _ in range(30):
        who = torch.randint(20, (40,))
        view1, view2 = net(faces[who] + 0.6 * torch.randn(40, 50))  # fault
        similarity = F.cosine_similarity(view1, view2)  # meets
        loss = F.cross_entropy(classifier(view1), who) + (1 - similarity).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
