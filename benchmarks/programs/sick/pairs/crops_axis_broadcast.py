"""A crop axis is broadcast from one embedding, and taken apart again as query and key.

expect: CD102
"""

import torch
from torch import nn
from torch.nn.functional import normalize

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector


class ClassContrast(nn.Module):
    def forward(self, crops, labels):
        query, key = crops[0], crops[1]
        scores = query.mm(key.t()).mul(4.0)  # meets
        wanted = (labels.view(-1, 1) == labels.view(1, -1)).to(scores.dtype)
        return -(wanted / wanted.sum(1, keepdim=True) * scores.log_softmax(dim=1)).sum(1).mean()


net, criterion = mlp(64, 96, 20), ClassContrast()
sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
with Inspector(net) as inspector:
    for pixels, label in batches(24):
        out = normalize(net(pixels + 0.1 * torch.randn_like(pixels)))
        crops = out.expand(2, *out.shape)  # fault
        sgd.zero_grad()
        criterion(crops, label).backward()
        sgd.step()
diagnosis = inspector.diagnose()
