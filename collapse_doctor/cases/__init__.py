"""Small real trainings, each sick and cured: for the demo, the sample files and the benchmark."""

from collapse_doctor.cases.case import Case
from collapse_doctor.cases.catalogue import CASES, find_case

__all__ = ["CASES", "Case", "find_case"]
