"""A RunEngine for a station, on the lab's clock."""

from labctl.engine._driver import OperationRequest, OperationResult, StationDriver
from labctl.engine._run_engine import LabRunEngine, ScanIds

__all__ = ["LabRunEngine", "OperationRequest", "OperationResult", "ScanIds", "StationDriver"]
