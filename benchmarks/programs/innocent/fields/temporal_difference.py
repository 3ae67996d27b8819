"""Rewards and values are rows: each error is of one step.

expect: healthy
"""

import copy
from collections import deque, namedtuple

import torch

from benchmarks.programs.common import mlp
from collapse_doctor import Inspector

Step = namedtuple("Step", "state action reward following")


class Replay(deque):
    def draw(self, count):
        picked = [self[i] for i in torch.randint(0, len(self), (count,)).tolist()]
        return Step(*(torch.stack(column) for column in zip(*picked, strict=True)))


replay, state = Replay(maxlen=500), torch.randn(8)
for _ in range(500):
    action = torch.randint(0, 4, ())
    following = 0.9 * state + 0.4 * torch.randn(8)
    following[action] += 0.3
    replay.append(Step(state, action, following[:1] - state[:1], following))
    state = following
values = mlp(8, 48, 4)
slow = copy.deepcopy(values).requires_grad_(False)
optimizer = torch.optim.Adam(values.parameters(), lr=1e-3)
with Inspector(values) as inspector:
    for step in range(60):
        batch = replay.draw(32)
        value = values(batch.state).gather(1, batch.action[:, None]).squeeze(1)
        with torch.no_grad():
            goal = batch.reward.squeeze(1) + 0.95 * slow(batch.following).amax(1)
        error = goal - value
        loss = error.pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 19:
            slow.load_state_dict(values.state_dict())
diagnosis = inspector.diagnose()
