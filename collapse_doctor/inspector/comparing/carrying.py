"""Following an embedding through the operations between the model and a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.comparing.provenance import Known, Provenance
from collapse_doctor.inspector.memory.elements import written_since
from collapse_doctor.inspector.memory.unnoticed import changed_through_alias
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.source.callsite import site_of, user_frame

__all__ = ["COLUMNS", "carry"]

SELECTING = frozenset(
    {"__getitem__", "select", "narrow", "index_select", "gather", "chunk", "split", "max", "amax"}
)
MIXING = frozenset(
    {"add", "sub", "__add__", "__radd__", "__sub__", "rsub", "__rsub__", "cat", "concat"}
    | {"stack", "hstack", "vstack", "copy_"}
)
"""Operations after which what was read from a store is not what is kept there."""
COLUMNS = "columns"
"""What a selection of some features is called: it is no longer the whole embedding."""
MOST_JOINED = 64


def carry(provenance: Provenance, operation: str, args: tuple[Any, ...], result: Any) -> None:
    """Note what ``operation`` made of the known tensors among its first two arguments.

    Joining several tensors (``cat``, ``stack``) carries on only what they have in common: a queue
    of several steps' outputs is not the output of any one step.
    """
    whole, source = _source(provenance, operation, args)
    if source is None and isinstance(result, Tensor) and is_plain(result) and result._is_view():
        provenance.took_view(result)
    if source is None and operation not in MIXING:
        _read(provenance, operation, args, result)
    frame = user_frame() if source is not None else None
    if source is None or frame is None:
        return
    site = site_of(frame)
    changed = changed_through_alias(provenance, whole, source) if whole is not None else None
    if changed is not None:
        source = replace(source, changed=changed)
    written = written_since(provenance, whole, source, site) if whole is not None else None
    if written is not source.rewritten:
        source = replace(source, rewritten=written)
    for tensor in _made(operation, args, result):
        selected = operation in SELECTING and whole is not None and _is_part(tensor, whole)
        provenance.carried(source, tensor, COLUMNS if selected else operation, site)


def _read(provenance: Provenance, operation: str, args: tuple[Any, ...], result: Any) -> None:
    """Take note of what was read from a store of outputs."""
    first = args[0] if args else None
    if isinstance(first, Tensor) and is_plain(first):
        provenance.stores.read(first, _made(operation, args, result))


def _source(
    provenance: Provenance, operation: str, args: tuple[Any, ...]
) -> tuple[Tensor | None, Known | None]:
    """Return the first known argument, if it is one tensor, and what is known of it."""
    if args and isinstance(args[0], list | tuple):
        return None, _in_common(provenance, args[0])
    if operation == "copy_":  # the target takes over what the source was
        args = args[1:]
    for arg in args[:2]:
        if isinstance(arg, Tensor) and is_plain(arg):
            known = provenance.of(arg)
            if known is not None:
                return arg, known
    return None, None


def _is_part(tensor: Tensor, whole: Tensor) -> bool:
    """Tell whether of the features some were left out, not only moved to another dimension.

    An index of ``None``, as in ``z[:, :, None]``, puts in a last dimension of 1.
    """
    width = whole.shape[-1] if whole.dim() else 0
    return tensor.shape[-1] != width and tensor.numel() != whole.numel()


def _in_common(provenance: Provenance, joined: list[Any] | tuple[Any, ...]) -> Known | None:
    if len(joined) > MOST_JOINED or not all(isinstance(t, Tensor) and is_plain(t) for t in joined):
        return None
    known = [provenance.of(tensor) for tensor in joined]
    origins = {(k.origin.model, k.origin.layer, k.origin.step) if k else None for k in known}
    return known[0] if len(origins) == 1 and known else None


def _made(operation: str, args: tuple[Any, ...], result: Any) -> Iterator[Tensor]:
    """Yield the tensors an operation made; what it gave back unchanged was not made here."""
    for tensor in result if isinstance(result, list | tuple) else (result,):
        same = args and tensor is args[0] and operation != "copy_"
        # Single numbers are losses and statistics, not embeddings.
        if isinstance(tensor, Tensor) and is_plain(tensor) and tensor.dim() > 0 and not same:
            yield tensor
