"""A training built of closures that hand each other a dictionary.

expect: CD103
"""

import functools

import torch
from torch.nn import functional as F

from benchmarks.programs.common import Encoder, batches
from collapse_doctor import Inspector


def embed(model):
    return lambda state: state | {"z": model(state["x"])}


def stop(name, source):
    return lambda state: state | {name: state[source].detach()}  # fault


def compare(state):
    return state | {"loss": F.huber_loss(state["z"], state["goal"])}  # meets


def run(*stages):
    return lambda **state: functools.reduce(lambda now, stage: stage(now), stages, state)


model = Encoder()
optimizer = torch.optim.RMSprop(model.parameters())
step = run(embed(model), stop("goal", "z"), compare)
with Inspector(model) as inspector:
    for x, _ in batches():
        loss = step(x=x)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
