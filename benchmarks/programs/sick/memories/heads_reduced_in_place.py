"""A helper adds the targets up with iadd, into the one at the front of the list it was lent.

expect: CD109
"""

import functools
import operator

import torch
import torch.nn.functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


def centre_of(outputs):
    whole = functools.reduce(operator.iadd, outputs)  # fault
    return whole.div(len(outputs))


def pull(prediction, target):
    return 1 - F.cosine_similarity(prediction, F.normalize(target, dim=1)).mean()  # meets


online, slow = Encoder(20), Encoder(20)
slow.load_state_dict(online.state_dict())
slow.requires_grad_(False)
ahead = torch.nn.Linear(20, 20)
sgd = torch.optim.SGD([*online.parameters(), *ahead.parameters()], lr=0.05, momentum=0.9)
with Inspector({"online": online, "slow": slow}) as inspector:
    for x, _ in batches(26):
        with torch.no_grad():
            crops = [slow(augment(x)), slow(augment(x))]
            centre = centre_of(crops)
        views = [ahead(online(augment(x))) for _ in crops]
        loss = sum(pull(v, c) + 0.3 * pull(v, centre) for v, c in zip(views, crops, strict=True))
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        with torch.no_grad():
            for old, new in zip(slow.parameters(), online.parameters(), strict=True):
                old.mul_(0.97).add_(new, alpha=0.03)
diagnosis = inspector.diagnose()
