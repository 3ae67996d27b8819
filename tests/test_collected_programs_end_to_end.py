"""Programs of the collection, run as they stand: faults are named with their lines."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.collection import PROGRAMS, read
from collapse_doctor.findings import Diagnosis, Severity
from tests.small_trainings import one_thread

SICK = (
    "classes/hooked_method_in_place",
    "functions/cosine_of_scores",
    "functions/einsum_of_unit_columns",
    "loops/raw_kept_then_scaled_in_place",
    "memories/cached_by_key",
    "memories/one_array_for_both",
    "memories/renewed_in_warm_up_only",
    "memories/second_views_embedded_once",
    "classes/cosine_module_of_all_pairs",
    "classes/pinball_against_column",
    "classes/projection_as_target",
    "classes/stages_by_repeat",
    "classes/target_built_of_same_parts",
    "formulas/all_pairs_cosine_default_dimension",
    "formulas/huber_against_column",
    "functions/noise_added_in_place",
    "inputs/negatives_shuffled_in_place",
    "sequences/attention_over_documents",
    "sequences/softmax_without_dimension",
    "trainers/prediction_cut_off",
    "trainers/target_listed_again",
    "pairs/query_to_both_encoders",
    "pairs/second_sentence_unused",
    "fields/attention_over_batch",
    "fields/sampled_softmax_roll",
    "fields/transe_uncorrupted",
    "fields/temporal_difference_column",
    "fields/quantiser_passes_nothing",
    "softmaxes/both_sides_divided",
    "softmaxes/cosface_divided_by_scale",
    "softmaxes/many_positives_at_fifty",
    "softmaxes/queue_at_seven_per_cent",
    "softmaxes/sampled_softmax_too_hot",
    "softmaxes/shares_of_exponentials",
    "trainers/temperature_in_per_cent",
    "fields/states_masked_in_place",
    "functions/variances_in_place",
    "loops/crops_share_a_workspace",
    "memories/centred_for_a_plot",
    "projects/teacher_puts_out_one_buffer",
)
INNOCENT = (
    "classes/all_pairs_cosine_last_dimension",
    "regression/thresholds_by_hand",
    "regression/nine_quantiles",
    "regression/quantile_forecasts",
    "regression/gaussian_likelihood",
    "reinforcement/quantiles_of_returns",
    "runtimes/lbfgs_to_the_end",
    "sequences/attention_in_all_layouts",
    "teachers/head_on_a_teacher",
    "teachers/target_on_a_common_stem",
    "outputs/array_copied_out",
    "outputs/centred_in_place",
    "outputs/hook_on_the_activation",
    "outputs/hook_that_copies",
    "pairs/unused_argument",
    "regression/agreement_of_two_columns",
    "teachers/cache_emptied_each_epoch",
    "teachers/old_outputs_of_a_trained_network",
    "teachers/table_follows_by_use",
    "towers/peers_of_one_image",
    "views/barlow_by_einsum",
    "fields/all_margins_given",
    "fields/noise_grows_from_nought",
    "fields/residual_gradient",
    "fields/scores_of_every_two",
    "fields/slots_compete",
    "softmaxes/annealed_from_hot",
    "softmaxes/constant_added_to_the_loss",
    "softmaxes/cosface_of_thirty",
    "softmaxes/hot_term_beside_another",
    "softmaxes/many_positives_at_a_tenth",
    "softmaxes/sampled_softmax_with_log_q",
    "softmaxes/shares_at_one",
    "outputs/buffer_warmed_up",
    "outputs/clipped_through_data",
    "outputs/copied_out_of_a_workspace",
    "outputs/dropped_in_place",
    "outputs/static_input_of_a_graph",
)


def diagnosis_of(path: Path) -> Diagnosis:
    torch.manual_seed(0)
    np.random.seed(0)
    with one_thread():
        found = runpy.run_path(str(path))["diagnosis"]
    assert isinstance(found, Diagnosis)
    return found


@pytest.mark.parametrize("name", SICK)
def test_the_fault_comes_first_with_its_line(name: str) -> None:
    program = read(PROGRAMS / "sick" / f"{name}.py", PROGRAMS)
    primary = diagnosis_of(program.path).primary
    assert primary is not None
    assert primary.code == program.cause
    assert primary.where.line in program.faults | program.shows


@pytest.mark.parametrize("name", INNOCENT)
def test_a_look_alike_is_not_accused(name: str) -> None:
    found = diagnosis_of(PROGRAMS / "innocent" / f"{name}.py").findings
    assert [each.code for each in found if each.severity is not Severity.INFO] == []
