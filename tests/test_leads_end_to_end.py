"""Programs of the collection, run as they stand: the line that was set wrongly is named."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.collection import PROGRAMS, read
from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis, Finding, Severity
from tests.small_trainings import marked, one_thread

SICK = (
    "h_augment_strength_zero",
    "h_simcse_in_eval",
    "w_104_identity_permutation",
    "w_205_weights_broadcast",
    "w_206_softmax_layer_dim0",
    "classes/axis_of_the_config",
    "classes/cut_by_flag",
    "classes/heat_of_a_thousand",
    "classes/noise_added_to_nobody",
    "classes/teacher_targets_from_config",
    "classes/term_under_a_flag",
    "classes/terms_by_comprehension",
    "classes/towers_of_one_encoder",
    "fields/backbone_of_the_class",
    "fields/dictionary_of_losses",
    "fields/functional_snapshot",
    "fields/kernel_alignment",
    "functions/features_frozen_by_cfg",
    "functions/permutation_by_arange",
    "functions/schedule_from_nought",
    "functions/strength_through_partial",
    "inputs/collate_of_one_column",
    "inputs/dropout_in_a_json_text",
    "inputs/views_by_reference",
    "loops/all_negatives_masked",
    "pairs/labels_of_one_kind",
    "trainers/clipped_by_option",
    "trainers/mixing_weight_of_dataclass",
    "trainers/projection_added_later",
    "trainers/steps_every_zero",
)
INNOCENT = ("views/noise_left_to_dropout", "trainers/towers_handed_two_encoders")


def diagnosis_of(path: Path) -> Diagnosis:
    torch.manual_seed(0)
    np.random.seed(0)
    with one_thread():
        found = runpy.run_path(str(path))["diagnosis"]
    assert isinstance(found, Diagnosis)
    return found


def lines_of(finding: Finding) -> set[int | None]:
    return {place.line for place in (finding.where, *finding.related)}


@pytest.mark.parametrize("name", SICK)
def test_the_line_that_was_set_wrongly_is_named(name: str) -> None:
    program = read(PROGRAMS / "sick" / f"{name}.py", PROGRAMS)
    primary = diagnosis_of(program.path).primary
    assert primary is not None
    assert primary.code == program.cause
    assert not program.faults.isdisjoint(lines_of(primary))
    assert all(place.note for place in primary.related)


@pytest.mark.parametrize("name", INNOCENT)
def test_a_setting_of_nought_alone_accuses_nobody(name: str) -> None:
    found = diagnosis_of(PROGRAMS / "innocent" / f"{name}.py").findings
    assert [each.code for each in found if each.severity is not Severity.INFO] == []


def test_a_report_shows_the_lines_that_lead_to_its_own() -> None:
    diagnosis = diagnosis_of(PROGRAMS / "sick" / "h_augment_strength_zero.py")
    assert "a product with this number is 0" in " ".join(str(diagnosis).split())


class Tower(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder


class Common(nn.Module):
    encoder = nn.Linear(4, 4)  # of the class

    def __init__(self) -> None:
        super().__init__()
        self.own = self.encoder


def shared(one: nn.Module, other: nn.Module) -> list[Finding]:
    with Inspector({"one": one, "other": other}) as inspector:
        pass
    return [found for found in inspector.diagnose().findings if found.code == "CD108"]


def test_an_encoder_handed_to_two_towers_is_found_where_the_second_got_it() -> None:
    encoder = nn.Linear(4, 4)
    one = Tower(encoder)
    other = Tower(encoder)  # once more
    with Inspector({"one": one, "other": other}) as inspector:
        pass
    found = [each for each in inspector.diagnose().findings if each.code == "CD108"]
    here = test_an_encoder_handed_to_two_towers_is_found_where_the_second_got_it
    assert [each.where.line for each in found] == [marked(here, "once more")]


def test_towers_with_an_encoder_each_share_nothing() -> None:
    assert not shared(Tower(nn.Linear(4, 4)), Tower(nn.Linear(4, 4)))


def test_a_module_of_the_class_is_found_in_the_class() -> None:
    (found,) = shared(Common(), Common())
    assert found.where.line == marked(Common, "of the class")
