"""Supervised contrast in two ways: with the diagonal taken away, and with each row its own partner.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.programs.common import Encoder, augment, batches
from collapse_doctor import Inspector


class SupCon(nn.Module):
    def __init__(self, temperature=0.2, with_itself=False):
        super().__init__()
        self.temperature, self.with_itself = temperature, with_itself

    def forward(self, features, labels):
        mask = torch.eq(labels[:, None], labels[None]).float()
        count = features.shape[1]
        contrast_feature = torch.cat(torch.unbind(features, dim=1), dim=0)
        anchor_feature = contrast_feature
        logits = torch.matmul(anchor_feature, contrast_feature.T) / self.temperature
        logits = logits - logits.max(dim=1, keepdim=True).values.detach()
        mask = mask.repeat(count, count)
        if not self.with_itself:
            logits_mask = 1 - torch.eye(len(mask))
            mask = mask * logits_mask
            exp_logits = torch.exp(logits) * logits_mask
        else:
            exp_logits = torch.exp(logits)
        log_prob = logits - torch.log(exp_logits.sum(1, keepdim=True))
        return -((mask * log_prob).sum(1) / mask.sum(1).clamp(min=1)).mean()


def agree(features, labels):
    """Soft targets over the batch itself, with a copy that takes no gradient on one side."""
    same = (labels[:, None] == labels).float()
    frozen = features.detach()
    return F.cross_entropy(features @ frozen.T / 0.5, same / same.sum(1, keepdim=True))


model = Encoder(24)
criteria = [SupCon(), SupCon(with_itself=True)]
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
with Inspector(model) as inspector:
    for step, (x, y) in enumerate(batches(60, 40)):
        views = torch.stack([model(augment(x)) for _ in range(2)], 1)
        views = F.normalize(views, dim=-1)
        loss = criteria[step % 2](views, y) + 0.1 * agree(views[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
