from __future__ import annotations

from dataclasses import replace

from collapse_doctor.recording.observations import Notice
from collapse_doctor.reports.notices import cautions, complete, notices


def with_notices(diagnosis, *given: Notice, unseen: dict[str, str]):
    measurements = replace(diagnosis.measurements, notices=given, unseen=unseen)
    return replace(diagnosis, measurements=measurements)


def test_what_is_said_twice_is_told_once(cut_short):
    told = with_notices(
        cut_short, Notice("head", "read as rows", 2), unseen={"head": "read as rows"}
    )
    assert notices(told) == [("head", "read as rows")]


def test_what_holds_of_many_layers_is_one_line(cut_short):
    given = [Notice(f"model.{i}", "read as rows") for i in range(12)]
    told = with_notices(cut_short, *given, unseen={"labels": "none"})
    assert notices(told) == [
        ("model.0, model.1, model.2 and 9 more", "read as rows"),
        ("labels", "none"),
    ]


def test_notes_on_the_subject_come_first_and_have_no_name(healthy):
    assert notices(healthy)[0] == ("", healthy.subject.notes[0])


def test_what_the_inspector_says_of_itself_is_a_caution_and_no_note(cut_short, aliased):
    reason = "switched itself off after a fault of its own: ZeroDivisionError: division by zero"
    assert cautions(cut_short) == (f"Inspector, step 3: {reason}",)
    assert not any("switched" in text for _, text in notices(cut_short))
    nothing = with_notices(cut_short, Notice("inspector", "no forward pass", 0), unseen={})
    assert cautions(nothing) == ("Inspector: no forward pass",)
    assert [complete(d) for d in (cut_short, nothing, aliased)] == [False, False, True]


def test_a_diagnosis_without_measurements_has_its_notes(healthy):
    bare = replace(healthy, measurements=None)
    assert notices(bare) == [("", healthy.subject.notes[0])]
    assert complete(bare)
