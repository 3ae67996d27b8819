"""The "local" last output of the GRU is contrasted with its "global" final state, which are the same numbers.

expect: CD104
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector


class EventSequenceEncoder(nn.Module):
    def __init__(self, n_events, hidden):
        super().__init__()
        self.events = nn.Embedding(n_events, 24)
        self.gap = nn.Linear(1, 24)
        self.rnn = nn.GRU(24, hidden, batch_first=True)

    def forward(self, events, gaps):
        x = self.events(events) + self.gap(gaps.unsqueeze(-1))
        return self.rnn(x)


def card_transactions(n, length, n_events):
    """Every card has a favourite merchant group and a tempo."""
    group = torch.randint(0, 10, (n, 1))
    tempo = torch.rand(n, 1) + 0.2
    favourite = group * (n_events // 10) + torch.randint(0, n_events // 10, (n, length))
    anything = torch.randint(0, n_events, (n, length))
    events = torch.where(torch.rand(n, length) < 0.7, favourite, anything)
    return events, tempo * torch.rand(n, length)


def local_global_loss(local, summary, temperature):
    local, summary = F.normalize(local, dim=1), F.normalize(summary, dim=1)
    positive = torch.einsum("bd,bd->b", local, summary) / temperature  # meets
    candidates = torch.einsum("bd,cd->bc", local, summary) / temperature
    return (candidates.logsumexp(dim=1) - positive).mean()


def main(args):
    model = EventSequenceEncoder(args.events, args.hidden)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    with Inspector({"sequence": model}) as inspector:
        for step in range(args.steps):
            events, gaps = card_transactions(args.batch, 15, args.events)
            output, state = model(events, gaps)
            local = output[:, -1]  # fault
            summary = state[-1]  # fault
            loss = local_global_loss(local, summary, args.temperature)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if step % args.log_every == 0:
                print(f"[{step}] {loss.item():.4f}")
    return inspector.diagnose()


parser = argparse.ArgumentParser()
for flag, default in dict(events=200, hidden=40, batch=52, steps=36, log_every=12).items():
    parser.add_argument(f"--{flag}", type=int, default=default)
parser.add_argument("--lr", type=float, default=2e-3)
parser.add_argument("--temperature", type=float, default=0.2)
diagnosis = main(parser.parse_args([]))
