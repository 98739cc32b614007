"""A dossier as NIMS RDE (Research Data Express) keeps structured data: a data tile for each sample.

The first tile is the folder ``data`` itself, the others are in ``data/divided``. Each has an invoice, the metadata
(what the sample is, then what each run did), the runs' documents as raw data, and the traces as structured data; the
schema of the invoices and the definition of the metadata are in ``data/tasksupport``. Ids of owners, instruments and
data sets are the server's to give: what stands for them is `NO_ID`, or empty. Source: rdetoolkit 1.7, its models and
schemas.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from labctl.exchange._credits import Credits, credits_of
from labctl.exchange._csv import write_table
from labctl.exchange._dossier_facts import facts_of_runs, facts_of_samples
from labctl.exchange._folder import folder_of
from labctl.exchange._gather import Dossier, SampleDossier, check_attachment
from labctl.exchange._rde_metadata import constants, cut, definitions, values, variables
from labctl.exchange._tables import trace_columns
from labctl.records import Fact
from labctl.store import RecordedRun

NO_ID = "0" * 56
"""Where the id of a person must stand that only the server knows."""
_SCHEMA_ID = "https://rde.nims.go.jp/rde/dataset-templates/labctl/invoice.schema.json"
_CUSTOM = {
    "lab": ("研究室", "Laboratory"),
    "owner": ("データ所有者", "Owner of the data"),
    "contact": ("問い合わせ先", "Contact"),
    "operators": ("担当者", "Operators"),
    "project": ("プロジェクト", "Project"),
    "access": ("公開範囲", "Access"),
    "embargo_until": ("公開猶予期限", "Embargo until"),
    "licence": ("ライセンス", "Licence"),
    "export_control": ("輸出管理区分", "Export-control class"),
    "parents": ("元の試料", "Made from"),
    "simulated": ("模擬装置", "Simulated instruments"),
}
"""Fields of the invoice that are ours, with their labels in Japanese and English."""
_REQUIRED = ["lab", "owner", "access", "simulated"]


def write(dossier: Dossier, out: Path) -> Path:
    """Write a dossier to a folder, or to a zip file where the name ends in ``.zip``, and return it.

    Raises:
        StoreError: an attached file or a run's documents are gone, or units of one key differ in kind.
    """
    about, runs = credits_of(dossier), facts_of_runs(dossier)
    facts = facts_of_samples(dossier, runs)
    whole = {sample.sample: constants(facts[sample.sample]) for sample in dossier.samples}
    each: dict[str, list[dict[str, Fact]]] = {sample.sample: [] for sample in dossier.samples}
    for told in runs:
        each[told.sample].append(variables(told, dossier.runs[told.run]))
    defined = definitions(
        [*((row, False) for row in whole.values()), *((row, True) for rows in each.values() for row in rows)]
    )
    with folder_of(out) as folder:
        _write_json(folder / "data/tasksupport/invoice.schema.json", _schema())
        _write_json(folder / "data/tasksupport/metadata-def.json", defined)
        for number, sample in enumerate(dossier.samples):
            tile = folder / "data" if number == 0 else folder / f"data/divided/{number:04}"
            _write_json(tile / "invoice/invoice.json", _invoice(sample, whole[sample.sample], about))
            constant = values(whole[sample.sample], defined)
            variable = [values(row, defined) for row in each[sample.sample]]
            _write_json(tile / "meta/metadata.json", {"constant": constant, "variable": variable})
            _write_runs(tile, sample, dossier.runs)
            _copy_attachments(tile, sample)
    return out


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")


def _schema() -> dict[str, Any]:
    fields = {key: {"label": {"ja": ja, "en": en}, "type": "string"} for key, (ja, en) in _CUSTOM.items()}
    label = {"ja": "固有情報", "en": "Custom information"}
    custom = {"type": "object", "label": label, "required": _REQUIRED, "properties": fields}
    label = {"ja": "試料情報", "en": "Sample information"}
    sample = {"type": "object", "label": label, "required": ["names", "sampleId"], "properties": {}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _SCHEMA_ID,
        "description": "Process and measurement records of a sample",
        "type": "object",
        "required": ["custom", "sample"],
        "properties": {"custom": custom, "sample": sample},
    }


def _invoice(sample: SampleDossier, facts: Mapping[str, Fact], about: Credits) -> dict[str, Any]:
    policy, operations = sample.entry.policy, sample.operations
    custom = {
        "lab": about.lab,
        "owner": policy.owner or ", ".join(about.owners),
        "operators": ", ".join(dict.fromkeys(filter(None, (operation.operator for operation in operations)))),
        "parents": ", ".join(sample.entry.parents),
        "simulated": str(about.simulated).lower(),
        **{key: str(text) for key, text in policy.model_dump().items() if key != "owner"},
    }
    return {
        "datasetId": "",
        "basic": {
            "dateSubmitted": about.today.isoformat(),
            "dataOwnerId": NO_ID,
            "dataName": sample.sample,
            "instrumentId": "",
            "experimentId": next((operation.campaign for operation in operations if operation.campaign), ""),
            "description": about.description,
        },
        "custom": {key: cut(custom[key]) for key in _CUSTOM if custom[key]},
        "sample": {
            "sampleId": "",
            "names": [sample.sample],
            "composition": str(facts["sample.composition"].value) if "sample.composition" in facts else "",
            "referenceUrl": "",
            "description": sample.entry.note,
            "generalAttributes": [],
            "specificAttributes": [],
            "ownerId": NO_ID,
        },
    }


def _write_runs(tile: Path, sample: SampleDossier, runs: Mapping[str, RecordedRun]) -> None:
    for part in ("raw", "structured"):
        (tile / part).mkdir(parents=True, exist_ok=True)
    for operation in sample.operations:
        with (tile / "raw" / f"{operation.uid}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(item)}\n" for item in runs[operation.uid].documents())
        for stream, traces in (("process", operation.traces), ("primary", operation.readings)):
            if traces:
                write_table(trace_columns(list(traces.values())), tile / "structured" / f"{operation.uid}-{stream}.csv")


def _copy_attachments(tile: Path, sample: SampleDossier) -> None:
    """Copy attached files: the first picture is what a person sees of the tile."""
    pictures: Sequence[str] = [a.checksum for a in sample.entry.attachments if a.media_type.startswith("image/")]
    for attachment in sample.entry.attachments:
        check_attachment(attachment)
        is_first = attachment.checksum in pictures[:1]
        part = "main_image" if is_first else "other_image" if attachment.checksum in pictures else "attachment"
        (tile / part).mkdir(exist_ok=True)
        shutil.copyfile(attachment.path, tile / part / f"{attachment.checksum[:12]}-{attachment.name}")
