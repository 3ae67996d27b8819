"""Where nothing may be looked at."""

from __future__ import annotations

import threading

import torch
from torch._C._functorch import peek_interpreter_stack

from collapse_doctor.inspector.compiler.compiled import is_capturing

__all__ = ["in_backward", "is_quiet", "this_thread"]

this_thread = threading.get_ident


def is_quiet(thread: int) -> bool:
    """Tell whether code runs that is no plain forward pass of the training in ``thread``.

    - Code is being traced: what we did would become part of it. (For code that is being compiled
      ask ``torch.compiler.is_compiling()`` before, so that this is not compiled either.)
    - A dispatch mode is on, which fakes, counts or records operations.
    - A transform of ``torch.func`` is under way: tensors are wrapped and have no values.
    - The backward pass recomputes a checkpointed forward pass, which was seen before.
    - A CUDA graph is recorded: what is queued would be replayed with it.
    - It is another thread: a replica, or something else altogether.
    """
    return (
        torch._C._len_torch_dispatch_stack() > 0
        or torch._C._is_tracing()
        or peek_interpreter_stack() is not None
        or torch._C._current_graph_task_id() != -1
        or this_thread() != thread
        or is_capturing()
    )


def in_backward() -> bool:
    """Tell whether autograd is running: inside hooks on gradients, and while recomputing."""
    return bool(torch._C._current_graph_task_id() != -1)
