"""A MoCo project with checkpoints: the key encoder is a shallow copy and shares all weights.

expect: CD108
"""

import copy
import io
import itertools

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.programs.common import DIGITS, augment, mlp
from collapse_doctor import Inspector

CFG = {"dim": 24, "queue": 256, "momentum": 0.99, "t": 0.1, "lr": 0.05, "steps": 60, "save": 20}


class MoCo(nn.Module):
    def __init__(self, base, cfg):
        super().__init__()
        self.m, self.t = cfg["momentum"], cfg["t"]
        self.encoder_q = base
        self.encoder_k = copy.copy(base)  # fault
        self.register_buffer("queue", F.normalize(torch.randn(cfg["queue"], cfg["dim"]), dim=1))
        self.register_buffer("queue_ptr", torch.zeros(1, dtype=torch.long))

    @torch.no_grad()
    def update_key_encoder(self):
        for q, k in zip(self.encoder_q.parameters(), self.encoder_k.parameters(), strict=True):
            k.data = k.data * self.m + q.data * (1.0 - self.m)

    @torch.no_grad()
    def dequeue_and_enqueue(self, keys):
        pointer = int(self.queue_ptr)
        self.queue[pointer : pointer + len(keys)] = keys
        self.queue_ptr[0] = (pointer + len(keys)) % len(self.queue)

    def forward(self, im_q, im_k):
        q = F.normalize(self.encoder_q(im_q), dim=1)
        with torch.no_grad():
            self.update_key_encoder()
            k = F.normalize(self.encoder_k(im_k), dim=1)
        l_pos = torch.einsum("nc,nc->n", [q, k]).unsqueeze(-1)
        l_neg = torch.einsum("nc,kc->nk", [q, self.queue.clone().detach()])
        logits = torch.cat([l_pos, l_neg], dim=1) / self.t
        labels = torch.zeros(len(logits), dtype=torch.long)
        self.dequeue_and_enqueue(k)
        return logits, labels


class Meter:
    def __init__(self):
        self.sum, self.count = 0.0, 0

    def update(self, value, n=1):
        self.sum += float(value) * n
        self.count += n

    @property
    def avg(self):
        return self.sum / max(self.count, 1)


def save(model, optimizer, step):
    stream = io.BytesIO()
    torch.save({"model": model.state_dict(), "opt": optimizer.state_dict(), "step": step}, stream)
    return stream.getvalue()


def load(data, model, optimizer):
    state = torch.load(io.BytesIO(data), weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["opt"])
    return state["step"]


def batches(size):
    while True:
        yield from (rows for rows in torch.randperm(len(DIGITS)).split(size) if len(rows) == size)


model = MoCo(mlp(64, 96, CFG["dim"]), CFG)
optimizer = torch.optim.SGD(model.encoder_q.parameters(), CFG["lr"], momentum=0.9)
losses, accuracy = Meter(), Meter()
with Inspector({"query": model.encoder_q, "key": model.encoder_k}) as inspector:
    for step, rows in enumerate(itertools.islice(batches(32), CFG["steps"])):
        logits, labels = model(augment(DIGITS[rows]), augment(DIGITS[rows]))
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.update(loss.item(), len(rows))
        accuracy.update((logits.argmax(1) == labels).float().mean())
        if step % CFG["save"] == CFG["save"] - 1:
            checkpoint = save(model, optimizer, step)
            assert load(checkpoint, model, optimizer) == step
diagnosis = inspector.diagnose()
