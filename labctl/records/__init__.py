"""What was recorded, as a person asks for it: trials and the histories of samples."""

from labctl.records._samples import Deed, SampleSummary, sample_history, samples_of
from labctl.records._trials import OperationRecord, TrialRecord, read_outcome, read_results, trials_of

__all__ = [
    "Deed",
    "OperationRecord",
    "SampleSummary",
    "TrialRecord",
    "read_outcome",
    "read_results",
    "sample_history",
    "samples_of",
    "trials_of",
]
