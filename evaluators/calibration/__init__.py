"""Correcting a judge by a few clinicians' labels: prediction-powered inference, isotonic calibration, Rogan-Gladen."""

from spinebench.evaluators.calibration.binary import rogan_gladen
from spinebench.evaluators.calibration.corrected import Corrected
from spinebench.evaluators.calibration.isotonic import IsotonicCalibration, isotonic
from spinebench.evaluators.calibration.ppi import (
    Pool,
    PpiSample,
    pooled,
    power_tuned_lambda,
    ppi_mean,
    ppi_mean_stratified,
    ppi_means,
    ppi_sample,
)
from spinebench.evaluators.calibration.report import (
    CalibratedModel,
    CalibratedTask,
    CalibrationReport,
    calibration_report,
)
from spinebench.evaluators.calibration.two_phase import Judged, two_phase_means

__all__ = [
    "CalibratedModel",
    "CalibratedTask",
    "CalibrationReport",
    "Corrected",
    "IsotonicCalibration",
    "Judged",
    "Pool",
    "PpiSample",
    "calibration_report",
    "isotonic",
    "pooled",
    "power_tuned_lambda",
    "ppi_mean",
    "ppi_mean_stratified",
    "ppi_means",
    "ppi_sample",
    "rogan_gladen",
    "two_phase_means",
]
