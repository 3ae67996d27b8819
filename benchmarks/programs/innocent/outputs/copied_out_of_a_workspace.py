"""What a workspace holds is copied, printed or softened before it is filled again.

expect: healthy
"""

import torch
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches, mlp
from collapse_doctor import Inspector

frozen, student = mlp(64, 64, 20).requires_grad_(False), mlp(64, 80, 20)
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)
workspace, lines = torch.empty(256, 20), []


def embedded(x):
    out = workspace[: x.shape[0]]
    out.zero_()
    out.copy_(frozen(x))
    return out


with Inspector(student) as inspector:
    for image, _ in batches(40):
        views = [augment(image) for _ in range(3)]
        soft = [F.softmax(embedded(view) / 0.5, dim=1) for view in views]
        lists = torch.tensor([embedded(view).tolist() for view in views])
        arrays = [torch.from_numpy(embedded(view).numpy().copy()) for view in views]
        for view in views:
            lines.append(f"{embedded(view).norm():.3f}")
        loss = torch.zeros(())
        for view, target, row, array in zip(views, soft, lists, arrays, strict=True):
            z = student(view)
            loss = loss - (target * F.log_softmax(z / 0.5, dim=1)).sum(1).mean()
            loss = loss + F.mse_loss(z, row) + F.l1_loss(z, array)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
