"""What was taken in from elsewhere: its files, and what it says, attached to a sample of ours."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from labctl.errors import StoreError
from labctl.exchange._foreign import ForeignOperation, ForeignRecord
from labctl.metadata import AccessPolicy
from labctl.records import SampleRegistry, Value

FOREIGN = "foreign record"
"""Kind of the attachment that says what a record from elsewhere says."""
FOREIGN_FILE = "foreign file"
"""Kind of the attachments that are its files."""


@dataclass(frozen=True)
class TakenRecord:
    """A record from elsewhere that was tied to a sample."""

    sample: str
    """Here."""
    source: str
    """Path it came from."""
    record: ForeignRecord
    """Without its arrays and files: they are in the files that were kept."""
    policy: AccessPolicy
    files: Mapping[str, str]
    """Checksum (SHA-256) of each file that was kept, by its name in the record."""


def keep(registry: SampleRegistry, taken: TakenRecord) -> TakenRecord:
    """Attach the files of a record to its sample, then what it says, and return it with its files.

    Args:
        registry: that knows the sample.
        taken: without files; those of its `record` are copied.

    Raises:
        RegistryError: the sample is unknown, or a file cannot be read.
    """
    record, title = taken.record, taken.record.title
    kept = {
        file.name: registry.attach(taken.sample, file.path, kind=FOREIGN_FILE, note=title, policy=taken.policy)
        for file in record.files
    }
    operations = tuple(dataclasses.replace(operation, data={}) for operation in record.operations)
    record = dataclasses.replace(record, operations=operations, files=())
    whole = dataclasses.replace(taken, record=record, files=kept)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{record.format}-record.json"
        about = {"sample": whole.sample, "source": whole.source, "files": kept, "policy": whole.policy.model_dump()}
        file.write_bytes(orjson.dumps({**about, "record": dataclasses.asdict(record)}, option=orjson.OPT_INDENT_2))
        registry.attach(taken.sample, file, kind=FOREIGN, note=title, policy=taken.policy)
    return whole


def taken_records(directory: Path, sample: str) -> list[TakenRecord]:
    """Return what was tied to a sample, the first one first.

    Args:
        directory: of the store.
        sample: its name.

    Raises:
        RegistryError: the sample is unknown, or an attached file is gone or was changed.
        StoreError: an attached file is no such record.
    """
    with SampleRegistry(directory) as registry:
        attached = [entry for entry in registry.sample(sample).attachments if entry.kind == FOREIGN]
        return [_read(registry.attachment(entry.checksum)) for entry in attached]


def _read(path: Path) -> TakenRecord:
    try:
        content = json.loads(path.read_bytes())
        about = content["record"]
        lists = {"samples": tuple(about["samples"]), "operations": tuple(map(_operation, about["operations"]))}
        record = ForeignRecord(**{**about, **lists, "files": ()})
        return TakenRecord(**{**content, "record": record, "policy": AccessPolicy.model_validate(content["policy"])})
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{path} is attached as a foreign record, but is none: {error!r}") from error


def _operation(content: Mapping[str, Any]) -> ForeignOperation:
    values = {
        name: {key: Value(**value) for key, value in content[name].items()}
        for name in ("parameters", "conditions", "results")
    }
    lists = {name: tuple(content[name]) for name in ("instruments", "files")}
    return ForeignOperation(**{**content, **values, **lists})
