"""Choosing the embeddings among the tables of a file, or saying in one line what to choose from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from collapse_doctor.errors import InputError
from collapse_doctor.readers.contents import Entry

__all__ = ["LABEL_NAMES", "PARAMETER", "PREFERRED_NAMES", "choose", "find", "last_name", "listing"]

PREFERRED_NAMES = (
    "embeddings",
    "embedding",
    "emb",
    "embs",
    "features",
    "feats",
    "feature",
    "vectors",
    "z",
    "x",
    "pooler_output",
    "last_hidden_state",
)
LABEL_NAMES = ("labels", "label", "targets", "target", "y", "classes", "class")

PARAMETER = re.compile(r"(^|\.)(weight|bias|running_mean|running_var)$")
_EXPECTED = "embeddings (rows of floating-point features)"


def choose(entries: Sequence[Entry], key: str | None, where: str) -> Entry:
    """Return the table to read: the named one, the only one, or the one with a usual name.

    Parameters
    ----------
    entries
        All tables.
    key
        Name of the one to take, or None.
    where
        What they come from, for messages.

    Raises
    ------
    InputError
        If there is none, or several, or none of that name.
    """
    if key is not None:
        return find(entries, key, where)
    offered = [entry for entry in entries if not entry.in_optimizer]
    parameters = _parameters(offered)
    groups = {entry.group for entry in parameters}
    free = [entry for entry in offered if not parameters or entry.group not in groups]
    tables = _tables(free, floats=True) or _tables(free, floats=False)
    preferred = _preferred(tables)
    if parameters and preferred is None:
        raise _state_dict(parameters, where)
    if len(tables) == 1 and not parameters:
        return tables[0]
    if preferred is not None:
        return preferred
    if not tables and len(offered) < len(entries):
        raise _optimizer_state([entry for entry in entries if entry.in_optimizer], where)
    if not tables and len(offered) == 1:
        return offered[0]  # its own check says what is wrong with it
    raise _undecided(tables or offered, where)


def find(entries: Sequence[Entry], key: str, where: str, *, labels_of: str | None = None) -> Entry:
    """Return the table called ``key``.

    Parameters
    ----------
    entries
        All tables.
    key
        Its name.
    where
        What they come from, for messages.
    labels_of
        The file before the colon, where labels were asked for as ``FILE:KEY``.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    for entry in entries:
        if entry.name == key:
            return entry
    expected = f"a table called {key!r}"
    option = "--key" if labels_of is None else f"the {':' + key!r} behind the file"
    remedy = "pass one of these names as --key (key= in Python)"
    if not any(entry.name for entry in entries):
        remedy = f"leave {option} out: there is only one table, and it has no name"
    elif labels_of is not None:
        remedy = f"name one of these as {labels_of}:KEY"
    raise InputError(expected, listing(entries), where=where, remedy=remedy)


def listing(entries: Sequence[Entry], limit: int = 6) -> str:
    """Return the tables in a few words each, the first ones only if there are many."""
    if not entries:
        return "nothing that holds numbers"
    shown = "; ".join(str(entry) for entry in entries[:limit])
    more = len(entries) - limit
    return f"{shown}; and {more} more" if more > 0 else shown


def last_name(entry: Entry) -> str:
    """Return the last part of a nested name in lower case: ``labels`` of ``batch.labels``."""
    return entry.name.rpartition(".")[2].lower()


def _tables(entries: Sequence[Entry], *, floats: bool) -> list[Entry]:
    """Return what may be embeddings: two dimensions or more, not named as labels.

    Single rows (means, centres) are passed over where there is a table with more rows of the same
    width; one of another width belongs to something else, such as the last layer of a model.
    """
    tables = [
        entry
        for entry in entries
        if len(entry.shape) >= 2
        and (entry.is_float if floats else entry.is_integer)
        and last_name(entry) not in LABEL_NAMES
    ]
    widths = {entry.shape[-1] for entry in tables if entry.size > entry.shape[-1]}
    return [e for e in tables if e.size > e.shape[-1] or e.shape[-1] not in widths]


def _preferred(tables: Sequence[Entry]) -> Entry | None:
    for name in PREFERRED_NAMES:
        for entry in tables:
            if last_name(entry) == name:
                return entry
    return None


def _parameters(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries of all state dicts: mappings that hold a weight of a layer.

    A one-dimensional ``weight`` without a layer before it may weigh examples, and makes none.
    """
    taken = {
        entry.group
        for entry in entries
        if PARAMETER.search(entry.name.removeprefix(f"{entry.group}."))
        and (len(entry.shape) >= 2 or "." in entry.name.removeprefix(f"{entry.group}."))
    }
    return [entry for entry in entries if entry.group in taken]


def _optimizer_state(states: Sequence[Entry], where: str) -> InputError:
    largest = max(states, key=lambda entry: entry.size)
    got = f"the state of an optimizer: {len(states)} tables, the largest {largest}"
    remedy = (
        "run the model and save its embeddings, or name a table of the state with --key NAME "
        "(key= in Python)"
    )
    return InputError(_EXPECTED, got, where=where, remedy=remedy)


def _state_dict(parameters: Sequence[Entry], where: str) -> InputError:
    first = next(entry for entry in parameters if PARAMETER.search(entry.name))
    got = f"a state dict with {len(parameters)} parameters, first {first.name!r} {first.shape}"
    remedy = (
        "run the model and save its embeddings, or name an embedding table with --key NAME "
        "(key= in Python)"
    )
    return InputError(_EXPECTED, got, where=where, remedy=remedy)


def _undecided(entries: Sequence[Entry], where: str) -> InputError:
    remedy = "name the one to read with --key NAME (key= in Python)"
    if not entries:
        remedy = "save the embeddings as a tensor or array with one row per example"
    return InputError(f"one table of {_EXPECTED}", listing(entries), where=where, remedy=remedy)
