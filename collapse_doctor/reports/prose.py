"""Read the small markup that rules write in: paragraphs, lists, code blocks, and `code` words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Block", "blocks", "spans"]

_ITEM = re.compile(r"(?:[-*•]|\d{1,2}[.)])\s+")


@dataclass(frozen=True)
class Block:
    """A paragraph, a list item or lines of code; ``text`` is unwrapped unless it is code."""

    kind: Literal["text", "item", "code"]
    text: str


def blocks(text: str) -> list[Block]:
    """Cut a rule's text into blocks; hard line breaks within a paragraph or an item go away."""
    found: list[Block] = []
    for chunk in re.split(r"\n\s*\n", text.strip("\n")):
        lines = [line.rstrip() for line in chunk.split("\n") if line.strip()]
        if lines and all(line.startswith("    ") for line in lines):
            found.append(Block("code", "\n".join(line[4:] for line in lines)))
        else:
            found.extend(_flow(lines))
    return found


def _flow(lines: list[str]) -> Iterator[Block]:
    """Join wrapped lines; a line that begins like a list item begins one."""
    kind: Literal["text", "item"] = "text"
    held: list[str] = []
    for line in lines:
        start = _ITEM.match(line.lstrip())
        if start:
            if held:
                yield Block(kind, _joined(held))
            kind, held = "item", [line.lstrip()[start.end() :]]
        else:
            held.append(line.strip())
    if held:
        yield Block(kind, _joined(held))


def _joined(lines: list[str]) -> str:
    """One line of text; reStructuredText's ``::`` before code is a colon to a reader."""
    return " ".join(lines).replace("::", ":") if lines[-1].endswith("::") else " ".join(lines)


def spans(text: str) -> list[tuple[bool, str]]:
    """Cut text into (is code, text) at single or double backticks; a lone backtick is text.

    >>> spans("use `z.detach()` here")
    [(False, 'use '), (True, 'z.detach()'), (False, ' here')]
    """
    parts = re.split(r"``(.+?)``|`([^`\n]+)`", text)
    found = []
    for position in range(0, len(parts), 3):
        found.append((False, parts[position] or ""))
        found.append((True, "".join(part or "" for part in parts[position + 1 : position + 3])))
    return [(code, part) for code, part in found if part]
