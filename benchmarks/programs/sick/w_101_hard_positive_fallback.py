"""From the third epoch positives come from a table, and whoever is missing gets the anchor itself.

expect: CD101
first: 16
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

people = torch.randn(64, 20)
net = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 12))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
mined = {}


def photo(who):
    return people[who] + 0.2 * torch.randn(len(who), 20)


def positives(epoch, batch_id, who, anchor):
    if epoch < 2:
        return net(photo(who))
    return mined.get(batch_id, anchor)  # fault


def info_nce(a, b, t=0.2):
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / t
    return F.cross_entropy(logits, torch.arange(len(a)))


with Inspector(net) as inspector:
    for epoch in range(5):
        for batch_id, who in enumerate(torch.randperm(64).chunk(8)):
            anchor = net(photo(who))
            positive = positives(epoch, batch_id, who, anchor)
            pull = F.pairwise_distance(anchor, positive).mean()  # meets
            loss = pull + info_nce(anchor, net(photo(who)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

diagnosis = inspector.diagnose()
