"""CD107 same-input: the two views that should differ were given equal inputs.

What it finds
-------------
One network ran twice in a step over equal inputs, gave equal outputs, and the two were compared;
or one forward pass was given two equal inputs (or one batch holding each row twice), and the two
outputs that were compared are equal; or it was given two inputs and its `forward` uses one of them
twice, the other never; or two networks that both learn were given one tensor, which by its name is
for one of them (`text_tower(batch["image"])`). Positive and negative count, too, where each was
held against one anchor and not against the other; and two passes whose outputs one loss draws in
opposite directions, as real and corrupted, or in order and shuffled. Equal inputs whose outputs
differ, as by dropout, are none.

Why it matters
--------------
Two views of a sample teach a network what to ignore. When both are one and the same, agreement
costs nothing: similarity is 1 and distance 0 whatever is learned, and the second pass is wasted.

Likely causes
-------------
One input is the other (`x2 = x1`); the augmentation is switched off, deterministic, or seeded alike
for both views; a corruption or a shuffle leaves all as it is; a data set returns one picture twice;
the same argument was passed for both views. Where dropout was to make the difference, it is 0 or
the model is in eval mode.

What to do
----------
Draw each view anew (`x1, x2 = augment(x), augment(x)` with randomness in `augment`), and look at
`(x1 - x2).abs().max()` once. For dropout views keep the model in train mode with dropout above 0.

What would refute it
--------------------
The two passes were to agree, as in a test that a network is deterministic; or an augmentation that
applies to whole batches by a toss of a coin leaves some batches as they are.

Bounds and their source
-----------------------
in_a_row: 8 steps, unless it happened in every step in which the line was seen to run. A view that
is left as it is by a fair coin is left so eight times in a row once in 256. to_the_end: 4 steps
suffice where they are the last ones seen and no step before them was such, if chance would order n
steps, k of them with equal inputs, in that way so seldom (one_in: 256): any coin that does not
change puts them anywhere, so each of the n! / (k! (n - k)!) orders is as likely (a schedule that
has come to zero looks like that). in_eval_mode: 2 steps
where both passes were given one object in eval mode: no coin is tossed. other_network_steps: 3
where the two are different outputs of one pass, equal in every call: inside the model they may
come from two networks, and a teacher starts as its student's copy (see CD104). Inputs and outputs
are held against each other bit by bit in up to 512 values, spread evenly; outputs also row by row,
within 4 rounding units of their size (see `aliasing.WITHIN_ROUNDING`). Gradients draw two outputs
in opposite directions if their cosine is below -0.999 in each of at least 8 rows that have any on
both sides, these are half of all, and one call of `backward` brought both; told after 8 looks of
which each found it, since a corruption may be left out by a coin, too. Constants, such as a mask of
ones, are no signature and do not count.

References
----------
Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020,
section 3 (without augmentation the task is trivial). Gao, Yao and Chen, "SimCSE", EMNLP 2021.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Relation
from collapse_doctor.rules.aliasing import Alias, Said, aliases, require_watched, told
from collapse_doctor.rules.rule import Match, Rule

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How long the inputs must have been equal."""

    in_a_row: int = 8  # a fair coin does so once in 256
    to_the_end: int = 4  # where none was before, and chance would not have ordered them so
    one_in: int = 256  # orders, as for eight in a row: chance has as many at least
    in_eval_mode: int = 2  # where no coin is tossed: one may be an evaluation
    other_network_steps: int = 3  # a teacher is its student's copy at first; not a third time


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each comparison whose operands come from equal inputs."""
    for alias in aliases(measurements, "same-input", paired=False):
        ran = _steps_of(alias, measurements)
        if not _lasts(alias, ran, bounds):
            continue
        match = told(alias, _say(alias), Confidence.HIGH)
        seen = Evidence(len(alias.steps), meaning=f"of {len(ran)} in which the line was seen")
        yield replace(match, evidence={**match.evidence, "steps": seen})
    require_watched(measurements)


def _steps_of(alias: Alias, measurements: Measurements) -> tuple[int, ...]:
    """Return the steps in which the line of an alias was seen to run, ascending."""
    site, function = alias.first.site, alias.first.function
    here = (
        c.step
        for c in measurements.comparisons
        if c.function == function and (c.site.file, c.site.line) == (site.file, site.line)
    )
    return tuple(sorted(set(here)))


def _lasts(alias: Alias, ran: tuple[int, ...], bounds: Bounds) -> bool:
    if alias.of_one_pass and not alias.of_one_network:
        return alias.lasts(1, bounds.other_network_steps)
    found = set(alias.steps)
    differs = [place for place, step in enumerate(ran) if step not in found]
    in_a_row = len(ran) - 1 - differs[-1] if differs else len(ran)
    bound = all(_in_eval_mode(relation) for _, relation in alias.found)
    if not differs or in_a_row >= (bounds.in_eval_mode if bound else bounds.in_a_row):
        return True
    lasting = in_a_row == len(found) and in_a_row >= bounds.to_the_end
    return lasting and math.comb(len(ran), in_a_row) >= bounds.one_in


def _in_eval_mode(relation: Relation) -> bool:
    return relation.operation == "eval mode"


def _say(alias: Alias) -> Said:
    left, right = alias.names
    where = f"when {alias.first.function} compares them"
    if alias.relation.operation == "input of the other":
        return Said(
            f"{left} and {right} are the outputs of two networks for one input {where}.",
            cause=f"Both networks{_called(alias)} were given the same tensor, and by its name it "
            "belongs to one of them only.",
            remedy="Give each network its own input.",
        )
    if alias.relation.operation == "forgotten input":
        return Said(
            f"{left} and {right} were both made of one of two inputs {where}: the other input is "
            "never used.",
            cause="In the model's `forward` the same call is written twice, and one of its "
            "parameters is not read at all.",
            remedy="Give the second call the second input.",
        )
    if alias.of_one_pass:
        origin = alias.left.origin
        what = "two equal inputs" if not alias.of_one_network else "a batch whose halves are equal"
        model = origin.model if origin is not None else "the model"
        return Said(
            f"{left} and {right} are the outputs for equal inputs {where}: one forward pass was "
            f"given {what}.",
            cause=f"{model} was given {what}, and its outputs agree row by row: the views that "
            "were to differ are one.",
        )
    if _in_eval_mode(alias.relation):
        return Said(
            f"{left} and {right} come from two forward passes in eval mode over one input {where}: "
            "the second view is the first.",
            cause=f"The model ran twice{_called(alias)} over one tensor in eval mode, where "
            "dropout does nothing: an evaluation may have left it so.",
            remedy="Call `model.train()` at the beginning of each epoch, or at the end of whatever "
            "calls `model.eval()`.",
        )
    return Said(
        f"{left} and {right} come from two forward passes over equal inputs {where}: the second "
        "view is the first.",
        cause=f"The model ran twice{_called(alias)} over equal values and gave equal outputs: "
        "the views that were to differ are one, and nothing random stands between them.",
    )


def _called(alias: Alias) -> str:
    calls = dict.fromkeys(call for call in (alias.left.called, alias.right.called) if call)
    return f" ({' and '.join(f'`{call}(…)`' for call in calls)})" if calls else ""


RULE = Rule(
    code="CD107",
    name="same-input",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
