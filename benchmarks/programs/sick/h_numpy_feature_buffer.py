"""Teacher features pass through one NumPy buffer; the anchors' are gone when they are compared.

expect: CD109
"""

import numpy as np
import torch

from collapse_doctor import Inspector

nn = torch.nn
N, D = 40, 18
scratch = np.zeros((N, D), dtype=np.float32)


def teacher_features(net, x):
    with torch.no_grad():
        np.copyto(scratch, net(x).numpy())  # fault
    return torch.from_numpy(scratch)  # fault


teacher = nn.Sequential(nn.Linear(25, 70), nn.Tanh(), nn.Linear(70, D)).eval()
student = nn.Sequential(nn.Linear(25, 35), nn.Tanh(), nn.Linear(35, D))
opt = torch.optim.Adam(student.parameters(), lr=3e-3)

with Inspector({"student": student, "teacher": teacher}) as inspector:
    for k in range(30):
        photos = torch.randn(N, 25)
        sketches = torch.randn(N, 25)
        photo_hint = teacher_features(teacher, photos)
        sketch_hint = teacher_features(teacher, sketches)  # fault
        loss = nn.functional.mse_loss(student(photos), photo_hint)  # meets
        loss = loss + nn.functional.mse_loss(student(sketches), sketch_hint)
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
