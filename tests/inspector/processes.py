"""Launching the processes of one small training, bounded in time.

They are forked from a server that has imported everything once: importing torch takes seconds.
"""

from __future__ import annotations

import datetime
import json
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import Store, TCPStore

SECONDS = 150.0
"""A launch that takes longer hangs. Generous: on a busy machine imports alone take half of it."""

Body = Callable[[int, Path, Any], None]


def launch(body: Body, folder: Path, argument: Any = None, world: int = 2) -> list[int | None]:
    """Run ``body(rank, folder, argument)`` in ``world`` processes; return their exit codes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch._dynamo", "collapse_doctor.diagnosis", body.__module__])
    processes = [
        context.Process(target=_run, args=(body, rank, world, folder, argument))
        for rank in range(world)
    ]
    for process in processes:
        process.start()
    deadline = time.monotonic() + SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    return [_code(process) for process in processes]


def _code(process: ForkServerProcess) -> int | None:
    """Return the exit code, None for a process that had to be ended here."""
    hangs = process.is_alive()
    if hangs:
        process.kill()
    process.join()
    code = None if hangs else process.exitcode
    process.close()
    return code


def _run(body: Body, rank: int, world: int, folder: Path, argument: Any) -> None:
    torch.set_num_threads(1)
    store = _store(rank, folder)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world)
    body(rank, folder, argument)


def _store(rank: int, folder: Path) -> Store:
    """Return a store whose server, in process 0, listens at a port that was free."""
    note = folder / "port"
    minute = datetime.timedelta(seconds=60)
    if rank == 0:
        store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        (folder / "port.new").write_text(str(store.port))
        (folder / "port.new").rename(note)
        return store
    while not note.exists():
        time.sleep(0.01)
    port = int(note.read_text())
    return TCPStore("127.0.0.1", port, wait_for_workers=False, timeout=minute)


def tell(folder: Path, rank: int, name: str, result: Any) -> None:
    """Hand a result to the test."""
    (folder / f"{name}.r{rank}.json").write_text(json.dumps(result))


def told(folder: Path, rank: int, name: str) -> Any:
    """Return what a process told."""
    return json.loads((folder / f"{name}.r{rank}.json").read_text())
