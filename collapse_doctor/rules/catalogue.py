"""The catalogue: every rule there is, in the order of the codes. A new rule is one line here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from collapse_doctor.errors import UsageError
from collapse_doctor.rules import (
    cd101_same_tensor,
    cd102_shared_storage,
    cd103_detached_copy,
    cd104_equal_copy,
    cd105_scalar_multiple,
    cd106_stale_operand,
    cd107_same_input,
    cd108_shared_module,
    cd109_overwritten_in_place,
    cd201_no_gradient,
    cd202_frozen_parameters,
    cd203_vanishing_gradient,
    cd204_exploding_gradient,
    cd205_broadcast_mismatch,
    cd206_wrong_dimension,
    cd207_loss_at_collapse_value,
    cd208_no_negatives,
    cd209_train_eval_mismatch,
    cd210_padding_leak,
    cd301_complete_collapse,
    cd302_collinear,
    cd303_dimensional_collapse,
    cd304_dead_dimensions,
    cd305_cluster_collapse,
    cd306_narrow_cone,
    cd307_class_collapse,
    cd308_norm_collapse,
    cd309_norm_explosion,
    cd310_rank_decline,
    cd311_depth_collapse,
    cd312_modality_gap,
    cd313_hubness,
    cd314_saturated_activation,
    cd401_non_finite,
    cd402_zero_vectors,
    cd403_low_precision,
    cd501_collapsed_input,
    cd502_duplicate_rows,
    cd503_degenerate_labels,
    cd601_too_few_samples,
)
from collapse_doctor.rules.rule import Rule

__all__ = ["RULES", "choose", "find"]

RULES: tuple[Rule, ...] = (
    cd101_same_tensor.RULE,
    cd102_shared_storage.RULE,
    cd103_detached_copy.RULE,
    cd104_equal_copy.RULE,
    cd105_scalar_multiple.RULE,
    cd106_stale_operand.RULE,
    cd107_same_input.RULE,
    cd108_shared_module.RULE,
    cd109_overwritten_in_place.RULE,
    cd201_no_gradient.RULE,
    cd202_frozen_parameters.RULE,
    cd203_vanishing_gradient.RULE,
    cd204_exploding_gradient.RULE,
    cd205_broadcast_mismatch.RULE,
    cd206_wrong_dimension.RULE,
    cd207_loss_at_collapse_value.RULE,
    cd208_no_negatives.RULE,
    cd209_train_eval_mismatch.RULE,
    cd210_padding_leak.RULE,
    cd301_complete_collapse.RULE,
    cd302_collinear.RULE,
    cd303_dimensional_collapse.RULE,
    cd304_dead_dimensions.RULE,
    cd305_cluster_collapse.RULE,
    cd306_narrow_cone.RULE,
    cd307_class_collapse.RULE,
    cd308_norm_collapse.RULE,
    cd309_norm_explosion.RULE,
    cd310_rank_decline.RULE,
    cd311_depth_collapse.RULE,
    cd312_modality_gap.RULE,
    cd313_hubness.RULE,
    cd314_saturated_activation.RULE,
    cd401_non_finite.RULE,
    cd402_zero_vectors.RULE,
    cd403_low_precision.RULE,
    cd501_collapsed_input.RULE,
    cd502_duplicate_rows.RULE,
    cd503_degenerate_labels.RULE,
    cd601_too_few_samples.RULE,
)


def find(code_or_name: str) -> Rule:
    """Return one rule by its code (``CD101``) or name (``same-tensor``), in any case.

    Raises
    ------
    UsageError
        If there is none; it names the nearest.
    """
    wanted = code_or_name.strip().casefold()
    for rule in RULES:
        if wanted in (rule.code.casefold(), rule.name):
            return rule
    raise _unknown("the code or name of a rule", code_or_name)


def choose(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Return the rules that ``select`` names (default: all) and ``ignore`` does not.

    Parameters
    ----------
    select, ignore
        Codes (``CD301``), prefixes of codes (``CD3``) or names (``collinear``), in any case.

    Raises
    ------
    UsageError
        If one of them names no rule.
    """
    chosen = _named(select) or RULES
    ignored = _named(ignore)
    return tuple(rule for rule in chosen if rule not in ignored)


def _named(patterns: Iterable[str]) -> tuple[Rule, ...]:
    wanted = (patterns,) if isinstance(patterns, str) else tuple(patterns)
    codes = {rule.code for pattern in wanted for rule in _matching(pattern)}
    return tuple(rule for rule in RULES if rule.code in codes)


def _matching(pattern: str) -> tuple[Rule, ...]:
    wanted = pattern.strip().casefold()
    found = tuple(
        rule
        for rule in RULES
        if rule.name == wanted
        or (wanted.startswith("cd") and rule.code.casefold().startswith(wanted))
    )
    if not found:
        raise _unknown("the code, prefix or name of a rule", pattern)
    return found


_MISREAD = str.maketrans("oil", "011")


def _unknown(expected: str, got: str) -> UsageError:
    names = {rule.code.casefold(): rule.code for rule in RULES}
    names |= {rule.name: f"{rule.name} ({rule.code})" for rule in RULES}
    wanted = got.strip().casefold()
    digits = wanted.translate(_MISREAD)  # of a code, letters taken for digits are no difference
    near = [digits] if digits in names else []
    near = near or difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(names[key] for key in near)}? " if near else ""
    return UsageError(expected, repr(got), remedy=f"{hint}`collapse-doctor rules` lists all")
