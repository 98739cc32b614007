"""A dossier's metadata as a DOI registry wants them: DataCite Metadata Schema 4.5, as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

from labctl.errors import StoreError
from labctl.exchange._credits import ACCESS_TEXTS, SPDX, Credits, credits_of, iso_time
from labctl.exchange._gather import Dossier

_ACCESS_TERMS = {"open": "openAccess", "consortium": "restrictedAccess", "closed": "closedAccess"}
_ACCESS_SCHEME = "info:eu-repo/semantics/"


def write(dossier: Dossier, out: Path) -> Path:
    """Write the metadata record of a dossier to a JSON file and return it.

    Raises:
        StoreError: the record does not hold to the schema.
    """
    record = datacite_record(dossier)
    check_record(record)
    out.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2) + b"\n")
    return out


def datacite_record(dossier: Dossier) -> dict[str, Any]:
    """Return the metadata record of a dossier; the DOI is the registry's to give."""
    about = credits_of(dossier)
    return {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": f"process records of a {dossier.kind}"},
        "titles": [{"title": about.title, "lang": "en"}],
        "creators": [{"name": owner} for owner in about.owners],
        "contributors": list(_contributors(about)),
        "publisher": {"name": about.lab},
        "publicationYear": str(about.today.year),
        "dates": list(_dates(about)),
        "rightsList": list(_rights(about)),
        "descriptions": [{"description": about.description, "descriptionType": "Abstract", "lang": "en"}],
        "subjects": [{"subject": about.policy.project}] if about.policy.project else [],
        "relatedItems": list(_related(dossier)),
        "language": "en",
    }


def check_record(record: Mapping[str, Any]) -> None:
    """Check a record against the schema, and that its dates are dates, which the schema does not ask.

    Raises:
        StoreError: it does not hold.
    """
    from datacite import schema45

    for entry in record["dates"]:
        _check_date(str(entry["date"]))
    errors = [f"{'.'.join(map(str, error.path))}: {error.message}" for error in schema45.validator.iter_errors(record)]
    if errors:
        raise StoreError(f"the DataCite record is not valid: {'; '.join(errors)}")


def _check_date(text: str) -> None:
    try:
        ends = [datetime.fromisoformat(part) if "T" in part else date.fromisoformat(part) for part in text.split("/")]
        days = [end.date() if isinstance(end, datetime) else end for end in ends]
        if len(days) > 2 or days != sorted(days) or not re.match(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError("it ends before it begins")
    except ValueError as error:
        raise StoreError(f"the DataCite record is not valid: {text!r} is no date or range of dates: {error}") from error


def _contributors(about: Credits) -> Iterator[dict[str, str]]:
    roles = {
        "ContactPerson": about.contacts,
        "DataCollector": about.operators,
        "DataCurator": about.curators,
        "RightsHolder": about.owners,
    }
    for role, names in roles.items():
        yield from ({"name": name, "contributorType": role} for name in names)
    yield {"name": about.lab, "nameType": "Organizational", "contributorType": "HostingInstitution"}


def _dates(about: Credits) -> Iterator[dict[str, str]]:
    yield {"date": f"{iso_time(about.begin)}/{iso_time(about.end)}", "dateType": "Collected"}
    yield {"date": about.today.isoformat(), "dateType": "Issued"}
    if about.policy.embargo_until:
        yield {"date": about.policy.embargo_until, "dateType": "Available", "dateInformation": "end of the embargo"}


def _rights(about: Credits) -> Iterator[dict[str, str]]:
    for licence in about.licences:
        scheme = {"rightsIdentifierScheme": "SPDX", "schemeUri": SPDX}
        yield {"rights": licence, "rightsIdentifier": licence, **scheme, "rightsUri": f"{SPDX}{licence}.html"}
    if about.policy.licence and not about.licences:
        yield {"rights": about.policy.licence, "rightsIdentifierScheme": "SPDX", "schemeUri": SPDX}
    term = "embargoedAccess" if about.policy.embargo_until > about.today.isoformat() else None
    term = term or _ACCESS_TERMS[about.policy.access]
    yield {"rights": ACCESS_TEXTS[about.policy.access], "rightsUri": f"{_ACCESS_SCHEME}{term}"}
    if about.policy.export_control:
        yield {"rights": f"Under export control: {about.policy.export_control}"}


def _related(dossier: Dossier) -> Iterator[dict[str, Any]]:
    for sample in dossier.samples:
        titles = [{"title": f"Sample {sample.sample}"}]
        yield {"titles": titles, "relatedItemType": "PhysicalObject", "relationType": "Documents"}
