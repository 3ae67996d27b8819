"""The cure of a case, written into its source as comments: what is sick, and a line that heals it.

    z2 = z1.detach()  # cure: z2 = encoder(second)
    # cure: loss = loss + variance(z1) + variance(z2)
    x = x.round()  # cure: -

A comment behind a statement replaces it, one on a line of its own adds one, and a lone dash takes
the line away. What a case does wrong and what heals it cannot drift apart that way, and the cured
training differs from the sick one in those lines and nothing else.
"""

from __future__ import annotations

import re

__all__ = ["cure_lines", "cured"]

_CURE = re.compile(r"^(?P<indent>\s*)(?P<code>.*?)\s*# cure: (?P<cure>.*?)\s*$")


def cured(text: str) -> str:
    """Return the source of a case with its cure carried out; every line keeps its number."""
    return "\n".join(_cured(line) for line in text.split("\n"))


def cure_lines(text: str) -> frozenset[int]:
    """Return the 1-based numbers of the statements that the cure replaces or takes away."""
    found = enumerate(map(_CURE.match, text.split("\n")), start=1)
    return frozenset(number for number, match in found if match and match["code"])


def _cured(line: str) -> str:
    match = _CURE.match(line)
    if match is None:
        return line
    return "" if match["cure"] == "-" else match["indent"] + match["cure"]
