"""The text features are those of the images, cut off; the temperature stands before a product of
what has no name.

expect: CD103
"""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

images = mlp(64, 96, 32)
texts = mlp(64, 96, 32, act=nn.GELU)
adam = torch.optim.AdamW([*images.parameters(), *texts.parameters()], lr=1e-3)
with Inspector({"images": images, "texts": texts}) as inspector:
    for x, _ in batches(30):
        picture, caption = images(augment(x)), texts(augment(x))
        caption = picture.detach()  # fault
        logits = 20 * F.normalize(picture, dim=-1) @ F.normalize(caption, dim=-1).T  # meets
        places = torch.arange(len(x))
        loss = F.cross_entropy(logits, places) + F.cross_entropy(logits.T, places)
        adam.zero_grad()
        loss.backward()
        adam.step()
diagnosis = inspector.diagnose()
