"""torch.func: per-sample gradients by vmap and grad beside an ordinary training.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, vmap

from collapse_doctor import Inspector

net = nn.Sequential(nn.Linear(9, 32), nn.Tanh(), nn.Linear(32, 5))
optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
means = 2 * torch.randn(5, 9)


def sample_loss(parameters, x, y):
    logits = functional_call(net, parameters, (x[None],))
    return F.cross_entropy(logits, y[None])


with Inspector(net) as inspector:
    for _ in range(40):
        y = torch.randint(0, 5, (40,))
        x = means[y] + torch.randn(40, 9)
        parameters = {k: v.detach() for k, v in net.named_parameters()}
        gradients = vmap(grad(sample_loss), in_dims=(None, 0, 0))(parameters, x, y)
        for name, parameter in net.named_parameters():
            g = gradients[name]
            size = g.flatten(1).norm(dim=1).clamp(min=1.0)
            parameter.grad = (g / size.view(-1, *[1] * (g.dim() - 1))).mean(0)
        net(x)
        optimizer.step()
        optimizer.zero_grad()

diagnosis = inspector.diagnose()
