"""What was recorded, as a person asks for it: trials, the histories of samples, and what explains a property."""

from labctl.records._concerns import Concern, concerns_of, deviation_text, operation_concerns
from labctl.records._deviations import Deviation, deviations_of, difference_of
from labctl.records._doubts import Doubts, people_doubt
from labctl.records._entry import CONDITIONS, Archive, Attachment, SampleEntry, Stay
from labctl.records._explain import Curve, Explanation, Finding, explain
from labctl.records._facts import UTC, Fact
from labctl.records._facts_of_samples import RunFacts, run_facts, sample_facts
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
from labctl.records._json import history_json, history_json_schema
from labctl.records._nearest import nearest, same_composition
from labctl.records._quality import QUALITIES, Flag, automatic_flags, quality_of
from labctl.records._recipe import reached, recorded_recipe
from labctl.records._registry import SampleRegistry
from labctl.records._sample_history import MOVE, SampleHistory, idle_before, sample_history
from labctl.records._samples import SampleSummary, samples_of
from labctl.records._search import KeySummary, known_facts, search
from labctl.records._station_use import StationUse, station_use
from labctl.records._trials import (
    OperationRecord,
    TrialRecord,
    distrust,
    operation_record,
    read_outcome,
    trials_of,
)

__all__ = [
    "CONDITIONS",
    "MOVE",
    "QUALITIES",
    "UTC",
    "Archive",
    "Attachment",
    "Calibration",
    "Concern",
    "Curve",
    "Deviation",
    "DeviceRecord",
    "Doubts",
    "Event",
    "Explanation",
    "Fact",
    "Finding",
    "Flag",
    "KeySummary",
    "OperationHistory",
    "OperationRecord",
    "RunFacts",
    "SampleEntry",
    "SampleHistory",
    "SampleRegistry",
    "SampleSummary",
    "StationUse",
    "Stay",
    "Trace",
    "TrialRecord",
    "Value",
    "automatic_flags",
    "concerns_of",
    "deviation_text",
    "deviations_of",
    "difference_of",
    "distrust",
    "explain",
    "history_json",
    "history_json_schema",
    "idle_before",
    "known_facts",
    "nearest",
    "operation_concerns",
    "operation_history",
    "operation_record",
    "operations_of",
    "people_doubt",
    "quality_of",
    "reached",
    "read_outcome",
    "recorded_recipe",
    "run_facts",
    "same_composition",
    "sample_facts",
    "sample_history",
    "samples_of",
    "search",
    "station_use",
    "trials_of",
]
