"""How good a judgement is: measures, folds, calibration, drawings and the report folder."""

from tasks.evaluation.calibration import fit_temperature as fit_temperature
from tasks.evaluation.folds import FoldedMeasures as FoldedMeasures
from tasks.evaluation.folds import measure_folds as measure_folds
from tasks.evaluation.measures import Measures as Measures
from tasks.evaluation.measures import calibration_error as calibration_error
from tasks.evaluation.measures import fit_threshold as fit_threshold
from tasks.evaluation.measures import measure as measure
from tasks.evaluation.measures import multi_label_macro_f1 as multi_label_macro_f1
