"""What is compiled: parts of a model, code of this process, the stream that is being captured.

Nothing here compiles, imports dynamo or changes its state, but for one mark on functions of our
own: that dynamo is to pass over them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType, FrameType, FunctionType
from typing import Any

import torch
from torch import nn

from collapse_doctor.inspector.layers import public_name

__all__ = [
    "anything_compiled",
    "called_by_dynamo",
    "compiled_modules",
    "compiled_parts",
    "is_capturing",
    "is_compiled",
    "is_inside",
    "keep_dynamo_out",
    "original",
]

_BETWEEN = ("collapse_doctor.inspector.", "torch.nn.modules.module", "torch._dynamo.")
"""Whose functions lie between a hook and what called its module."""


def is_compiled(module: nn.Module) -> bool:
    """Tell whether calling ``module`` runs compiled code: its wrapper, or compiled in place."""
    if module.__dict__.get("_compiled_call_impl") is not None:  # module.compile()
        return True
    forward = _forward(module)
    if _is_disabled(forward):  # torch.compiler.disable(module) is wrapped as if it were compiled
        return False
    # A function that dynamo wrapped names the one it was made from.
    return "_orig_mod" in module._modules or hasattr(forward, "_torchdynamo_orig_callable")


def compiled_modules(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the compiled modules of a tree that are in no other compiled one."""
    yield from (module for _, module in _outermost(model))


def compiled_parts(model: nn.Module) -> list[str]:
    """Return the names of the compiled modules of a tree, ``""`` for the model itself.

    Names are as a reader knows them, without what wrappers add; a part inside a compiled part is
    not named.
    """
    whole = [model, *_unwrapped(model)]
    names = ("" if module in whole else public_name(name) for name, module in _outermost(model))
    return list(dict.fromkeys(names))


def original(module: nn.Module) -> nn.Module:
    """Return the module that compile wrapped, or the module itself."""
    inner = module._modules.get("_orig_mod")
    return module if inner is None else inner


def is_inside(model: nn.Module, name: str) -> bool:
    """Tell whether the module of that name is inside compiled code, and not its boundary.

    A part that :func:`torch.compiler.disable` took out runs as it is written, and so does what is
    in it.
    """
    around: list[nn.Module] = [model]
    for part in name.split(".") if name else ():
        around += _unwrapped(around[-1])
        child = around[-1]._modules.get(part)
        if child is None:
            return False
        around.append(child)
    inside = False
    for module in around[:-1]:
        inside = not _is_disabled(_forward(module)) and (inside or is_compiled(module))
    return inside and not _is_disabled(_forward(around[-1]))


def anything_compiled(models: Iterable[nn.Module] = ()) -> bool:
    """Tell whether this process holds compiled code that may be called, beside that of ``models``.

    What was compiled and cannot be called any more (its function is gone, or
    ``torch._dynamo.reset()`` was called) does not count; nor do functions that are yet to be
    compiled at their first call.
    """
    models = list(models)
    return bool(_compiled_codes(models)) and any(True for _ in _callers(models))


def called_by_dynamo(frame: FrameType) -> bool:
    """Tell whether the module whose hook runs in ``frame`` was called by what compile returned."""
    here: FrameType | None = frame
    while here is not None:
        module = here.f_globals.get("__name__", "")
        if module == "torch._dynamo.eval_frame":
            return True
        if not module.startswith(_BETWEEN):
            return False
        here = here.f_back
    return False


def is_capturing() -> bool:
    """Tell whether the work of this stream is being recorded as a CUDA graph.

    Reading a value back would break the recording. Costs nothing where CUDA is not in use.
    """
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()


def keep_dynamo_out(code: CodeType) -> None:
    """Mark a function: dynamo runs it, and what it calls, without looking into it.

    A hook of a compiled module runs outside its graph, but is itself a function that dynamo
    would compile. Versions without this mark compile it to nothing; then it sees nothing.
    """
    try:
        dynamo = torch._C._dynamo.eval_frame
        skip = dynamo._FrameAction.SKIP
        dynamo.set_code_exec_strategy(code, dynamo._FrameExecStrategy(skip, skip))
    except AttributeError:
        return


def _outermost(model: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    if is_compiled(model):
        yield name, model
        return
    for part, child in model._modules.items():
        if child is not None:
            yield from _outermost(child, f"{name}.{part}" if name else part)


def _unwrapped(module: nn.Module) -> Iterator[nn.Module]:
    """Yield what a wrapper stands for, and what that stands for."""
    while (inner := _wrapped(module)) is not None:
        yield inner
        module = inner


def _wrapped(module: nn.Module) -> nn.Module | None:
    for wrapper in ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"):
        if (inner := module._modules.get(wrapper)) is not None:
            return inner
    only = list(module._modules)
    return module._modules["module"] if only == ["module"] else None  # DDP's and DataParallel's


def _forward(module: nn.Module) -> Any:
    """Return what runs a module, looked up without running code of the user's."""
    return module.__dict__.get("forward", getattr(type(module), "forward", None))


def _is_disabled(function: Any) -> bool:
    return bool(getattr(function, "_torchdynamo_disable", False))


def _compiled_codes(models: Sequence[nn.Module]) -> list[CodeType]:
    """Return what was compiled in this process, without the functions of ``models``."""
    dynamo: Any = sys.modules.get("torch._dynamo.convert_frame")
    try:
        codes = [code for seen in dynamo.input_codes.seen if (code := seen()) is not None]
        entries = torch._C._dynamo.eval_frame._debug_get_cache_entry_list
    except AttributeError:  # not imported, or a version that keeps it elsewhere
        return []
    own = [code for model in models for code in _codes(model)]
    others = [code for code in codes if not any(_is_part(code, one) for one in own)]
    return [code for code in others if entries(code)]


def _callers(models: Sequence[nn.Module]) -> Iterator[FunctionType]:
    """Yield the functions that compile returned, but those that call a module of ``models``."""
    dynamo: Any = sys.modules.get("torch._dynamo.eval_frame")
    own = {id(module) for model in models for module in model.modules()}
    gc.collect()  # compiled modules are part of cycles
    for thing in gc.get_objects():
        if type(thing) is not FunctionType or thing.__globals__ is not dynamo.__dict__:
            continue
        original = getattr(thing, "_torchdynamo_orig_callable", None)
        called = getattr(original, "__self__", getattr(original, "__wrapped__", None))
        if original is not None and not _is_disabled(thing) and id(called) not in own:
            yield thing


def _codes(model: nn.Module) -> Iterator[CodeType]:
    """Yield the functions that compiling a model, or parts of it, compiles."""
    for kind in {type(module) for module in model.modules()}:
        code = getattr(getattr(kind, "forward", None), "__code__", None)
        if isinstance(code, CodeType):
            yield code


def _is_part(code: CodeType, whole: CodeType) -> bool:
    """Tell whether ``code`` is ``whole``, or what dynamo made of the rest after a graph break."""
    last = max((line for *_, line in whole.co_lines() if line is not None), default=0)
    lines = range(whole.co_firstlineno, last + 1)
    return code.co_filename == whole.co_filename and code.co_firstlineno in lines
