"""After the warm-up epochs a distillation term is added whose softmax runs over dim=0: the images of a batch compete, not the classes.

expect: CD206
first: 20
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader, TensorDataset

from collapse_doctor import Inspector

torch.manual_seed(19)


def load():
    x, y = load_digits(return_X_y=True)
    x = x / 16
    teacher = LogisticRegression(max_iter=60, C=0.5).fit(x, y)
    logits = teacher.decision_function(x)
    return TensorDataset(*(torch.tensor(v).float() for v in (x, logits)), torch.tensor(y))


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, 40), nn.Hardswish(), nn.Dropout(0.1), nn.Linear(40, 20)
        )
        self.classifier = nn.Linear(20, 10)

    def forward(self, x):
        z = self.body(x)
        return {"embedding": z, "logits": self.classifier(F.hardswish(z))}


class Distiller:
    def __init__(self, student, T=3.0, warmup_epochs=2, alpha=5.0):
        self.student, self.T, self.alpha = student, T, alpha
        self.warmup_epochs = warmup_epochs
        self.opt = torch.optim.Adam(student.parameters(), lr=2e-3)

    def kd(self, s, t):
        p_t = F.softmax(t / self.T, dim=0)  # fault
        log_p_s = F.log_softmax(s / self.T, dim=0)  # fault
        return F.kl_div(log_p_s, p_t, reduction="batchmean") * self.T**2  # meets

    def epoch(self, number, loader):
        for x, t_logits, y in loader:
            out = self.student(x)
            loss = F.cross_entropy(out["logits"], y)
            if number >= self.warmup_epochs:
                loss = loss + self.alpha * self.kd(out["logits"], t_logits)
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()


student = Student()
loader = DataLoader(torch.utils.data.Subset(load(), range(700)), batch_size=70, shuffle=True)
distiller = Distiller(student)
with Inspector(student) as inspector:
    for number in range(5):
        distiller.epoch(number, loader)
diagnosis = inspector.diagnose()
