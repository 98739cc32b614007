"""What was recorded, as a person asks for it: trials and the histories of samples."""

from labctl.records._deviations import Deviation, deviations_of
from labctl.records._history import (
    Calibration,
    DeviceRecord,
    Event,
    OperationHistory,
    Trace,
    Value,
    operation_history,
    operations_of,
)
from labctl.records._quality import QUALITIES, Flag, automatic_flags, quality_of
from labctl.records._samples import Deed, SampleSummary, sample_history, samples_of
from labctl.records._trials import OperationRecord, TrialRecord, read_outcome, read_results, trials_of

__all__ = [
    "QUALITIES",
    "Calibration",
    "Deed",
    "Deviation",
    "DeviceRecord",
    "Event",
    "Flag",
    "OperationHistory",
    "OperationRecord",
    "SampleSummary",
    "Trace",
    "TrialRecord",
    "Value",
    "automatic_flags",
    "deviations_of",
    "operation_history",
    "operations_of",
    "quality_of",
    "read_outcome",
    "read_results",
    "sample_history",
    "samples_of",
    "trials_of",
]
