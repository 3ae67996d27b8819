"""Five networks trained at once through functional_call and vmap; then one of them is run.

expect: healthy
"""

import copy

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from collapse_doctor import Inspector

X, y = load_diabetes(return_X_y=True)
X, y = torch.tensor(X).float() * 20, torch.tensor(y).float() / 100


def net():
    return nn.Sequential(
        nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 1)
    )


models = [net() for _ in range(5)]
params, buffers = stack_module_state(models)
skeleton = copy.deepcopy(models[0]).to("meta")


def loss_fn(p, b, x, t):
    return ((functional_call(skeleton, (p, b), (x,)).squeeze(-1) - t) ** 2).mean()


step_fn = vmap(grad_and_value(loss_fn), in_dims=(0, 0, None, None))
with Inspector(models[0]) as inspector:
    for it in range(150):
        b = torch.randint(0, len(X), (32,))
        g, l = step_fn(params, buffers, X[b], y[b])
        with torch.no_grad():
            params = {k: (p - 0.05 * g[k]).requires_grad_() for k, p in params.items()}
    with torch.no_grad():
        for k, p in models[0].named_parameters():
            p.copy_(params[k][0])
        models[0](X)
diagnosis = inspector.diagnose()
