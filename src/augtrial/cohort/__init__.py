"""The cohort: the lesion table, the pixels of its lesions, and whether they are fit for a study."""

from augtrial.cohort.checks import CheckReport, check_cohort
from augtrial.cohort.lesion import Cohort, Lesion
from augtrial.cohort.readers import LesionSlice, lesion_slice
from augtrial.cohort.table import read_table

__all__ = [
    "CheckReport",
    "Cohort",
    "Lesion",
    "LesionSlice",
    "check_cohort",
    "lesion_slice",
    "read_table",
]
