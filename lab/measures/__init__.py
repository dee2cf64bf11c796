"""Measures of emotion recognition: calibration, folds, leakage."""

from lab.measures.calibration import fit_temperature as fit_temperature
from lab.measures.emotion import Measures as Measures
from lab.measures.emotion import calibration_error as calibration_error
from lab.measures.emotion import fit_threshold as fit_threshold
from lab.measures.emotion import measure as measure
from lab.measures.emotion import multi_label_macro_f1 as multi_label_macro_f1
from lab.measures.folds import FoldedMeasures as FoldedMeasures
from lab.measures.folds import measure_folds as measure_folds
