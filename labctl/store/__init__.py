"""The journal every run is written to, and the catalog people read it from."""

from labctl.store._index import RunSummary
from labctl.store._rebuild import rebuild
from labctl.store._recovery import RECOVERED
from labctl.store._run import RecordedRun, Stream
from labctl.store._store import Store
from labctl.store._tiled import register_profile
from labctl.store._verify import VerifyReport, verify

__all__ = [
    "RECOVERED",
    "RecordedRun",
    "RunSummary",
    "Store",
    "Stream",
    "VerifyReport",
    "rebuild",
    "register_profile",
    "verify",
]
