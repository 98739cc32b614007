"""A dossier as a research object: RO-Crate 1.1 with the profile Process Run Crate 0.5.

Every run is an action that takes each sample in one state and leaves it in the next one; the documents of the run, as
they were journaled, and its traces lie beside it as files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from labctl.exchange._credits import ACCESS_TEXTS, SPDX, Credits, credits_of, iso_time
from labctl.exchange._datacite import datacite_record
from labctl.exchange._gather import Dossier, SampleDossier, check_attachment
from labctl.exchange._graph import Graph, link, links, slug
from labctl.exchange._rocrate_import import DOCUMENTS, read
from labctl.exchange._trace_table import trace_table
from labctl.records import Attachment, OperationHistory, Value
from labctl.store import RecordedRun

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
JSON_LINES = "application/jsonl"
__all__ = ["read", "write"]

_STATUS = {
    "success": "http://schema.org/CompletedActionStatus",
    "fail": "http://schema.org/FailedActionStatus",
    "abort": "http://schema.org/FailedActionStatus",
}


def write(dossier: Dossier, out: Path) -> Path:
    """Write a dossier to a folder, or to a zip file where the name ends in ``.zip``, and return it.

    Raises:
        StoreError: a run's documents are gone.
    """
    graph, about = Graph(), credits_of(dossier)
    _add_credits(graph, about)
    record = json.dumps(datacite_record(dossier), indent=2, ensure_ascii=False)
    graph.add_file("datacite.json", record, name="Metadata for a DOI", encodingFormat="application/json")
    for sample in dossier.samples:
        _add_sample(graph, sample)
    done: dict[str, dict[str, OperationHistory]] = {}
    for sample in dossier.samples:
        for operation in sample.operations:
            done.setdefault(operation.uid, {})[sample.sample] = operation
    states: dict[str, int] = {}
    actions = [_add_action(graph, run, done[uid], states) for uid, run in dossier.runs.items()]
    graph.crate.root_dataset["mentions"] = links(actions)
    graph.write(out)
    return out


def _add_credits(graph: Graph, about: Credits) -> None:
    root, lab = graph.crate.root_dataset, f"#lab-{slug(about.lab)}"
    graph.put(lab, "Organization", name=about.lab)
    owners = [graph.put(f"#owner-{slug(owner)}", "Organization", name=owner) for owner in about.owners]
    root["conformsTo"] = link(graph.put(PROFILE, "CreativeWork", name="Process Run Crate", version="0.5"))
    root["name"], root["description"] = about.title, about.description
    root["datePublished"] = about.today.isoformat()
    root["temporalCoverage"] = f"{iso_time(about.begin)}/{iso_time(about.end)}"
    root["license"] = links(_licences(graph, about))
    root["conditionsOfAccess"] = _conditions(about)
    root["author"] = root["creator"] = root["copyrightHolder"] = links(owners)
    root["publisher"] = link(lab)
    roles = {"DataCollector": about.operators, "DataCurator": about.curators, "ContactPerson": about.contacts}
    told = [_role(graph, role, name, lab) for role, names in roles.items() for name in names]
    if told:
        root["contributor"] = links(told)
    if about.policy.project:
        root["keywords"] = about.policy.project


def _role(graph: Graph, role: str, name: str, lab: str) -> str:
    person = graph.put(_person(name), "Person", name=name, affiliation=link(lab))
    entity = f"#role-{slug(name)}" if role == "DataCollector" else f"#role-{slug(name)}-{role}"
    return graph.put(entity, "Role", roleName=role, contributor=link(person))


def _licences(graph: Graph, about: Credits) -> list[str]:
    if about.licences:
        return [graph.put(f"{SPDX}{name}", "CreativeWork", name=name) for name in about.licences]
    text = about.policy.licence or "No licence is granted."
    return [graph.put("#licence", "CreativeWork", name=text, description=text)]


def _conditions(about: Credits) -> str:
    policy = about.policy
    embargo = f" Under embargo until {policy.embargo_until}." if policy.embargo_until else ""
    control = f" Under export control: {policy.export_control}." if policy.export_control else ""
    return ACCESS_TEXTS[policy.access] + embargo + control


def _add_sample(graph: Graph, sample: SampleDossier) -> None:
    entity, entry = _sample(sample.sample), sample.entry
    about = {name: Value(getattr(entry, name)) for name in ("lot", "substrate", "carrier", "composition", "note")}
    about |= {"quality": Value(entry.quality), "place": Value(entry.location), "consumed": Value(entry.consumed)}
    about |= sample.substrate
    files = [_add_attachment(graph, attachment, entity) for attachment in entry.attachments]
    told = graph.values(f"{entity}-is", {key: value for key, value in about.items() if value.value != ""})
    graph.put(
        entity,
        "IndividualProduct",
        name=sample.sample,
        additionalProperty=links(told),
        isRelatedTo=links(map(_sample, entry.parents)),
        subjectOf=links(files),
        conditionsOfAccess=ACCESS_TEXTS[entry.policy.access],
    )


def _add_attachment(graph: Graph, attachment: Attachment, sample: str) -> str:
    check_attachment(attachment)
    return graph.add_file(
        f"attachments/{sample.removeprefix('#sample-')}/{attachment.checksum[:12]}-{slug(attachment.name)}",
        attachment.path,
        name=attachment.name,
        description=" ".join(filter(None, (attachment.kind, attachment.note))),
        encodingFormat=attachment.media_type,
        dateCreated=iso_time(attachment.time),
        sha256=attachment.checksum,
        about=link(sample),
        license=attachment.policy.licence,
        conditionsOfAccess=ACCESS_TEXTS[attachment.policy.access],
    )


def _add_action(graph: Graph, run: RecordedRun, done: dict[str, OperationHistory], states: dict[str, int]) -> str:
    """Add a run.

    Args:
        graph: to add it to.
        run: the run.
        done: what it did, by sample.
        states: number of each sample's present state; counted on.
    """
    operation, action = next(iter(done.values())), f"#run-{run.uid}"
    before = [_state(graph, sample, states.get(sample, 0)) for sample in done]
    states.update({sample: states.get(sample, 0) + 1 for sample in done})
    after = [_state(graph, sample, states[sample]) for sample in done]
    asked = graph.values(f"{action}-asked", operation.asked)
    results = graph.values(f"{action}-result", operation.results)
    files = [_add_documents(graph, run, operation), *_add_traces(graph, operation)]
    devices = [graph.device(device) for device in operation.devices]
    failed = operation.status in ("fail", "abort")
    return graph.put(
        action,
        "CreateAction",
        name=" ".join(filter(None, (operation.kind, operation.name and f"({operation.name})"))),
        description=f"{operation.kind} of {', '.join(done)} on {operation.station}",
        identifier=run.uid,
        startTime=iso_time(operation.time),
        endTime="" if operation.end is None else iso_time(operation.end),
        actionStatus=_STATUS.get(operation.status, ""),
        error=(operation.reason or operation.status) if failed else "",
        agent=link(_person(operation.operator)) if operation.operator else "",
        instrument=links([graph.software(operation.versions, operation.source_revision), *devices]),
        object=links([*before, *asked]),
        result=links([*after, *results, *files]),
        location=operation.station,
    )


def _state(graph: Graph, sample: str, n: int) -> str:
    """Return a state of a sample: the n-th since it came."""
    entity = f"{_sample(sample)}-state-{n}"
    if entity not in graph:
        graph.put(entity, "IndividualProduct", name=f"{sample}, state {n}", isVariantOf=link(_sample(sample)))
    return entity


def _add_documents(graph: Graph, run: RecordedRun, operation: OperationHistory) -> str:
    return graph.add_file(
        f"documents/{run.uid}.jsonl",
        "".join(f"{json.dumps(item)}\n" for item in run.documents()),
        name=f"documents of {operation.kind} {run.uid[:8]}",
        description="Every document of the run, one [name, document] on each line.",
        additionalType=DOCUMENTS,
        encodingFormat=JSON_LINES,
    )


def _add_traces(graph: Graph, operation: OperationHistory) -> Iterator[str]:
    for stream, traces in (("process", operation.traces), ("primary", operation.readings)):
        if traces:
            variables = {trace.key: Value("", trace.unit) for trace in traces.values()}
            yield graph.add_file(
                f"traces/{operation.uid}-{stream}.csv",
                trace_table(list(traces.values())),
                name=f"{stream} of {operation.kind} {operation.uid[:8]}",
                description="A line of names, a line of units, then the values.",
                encodingFormat="text/csv",
                variableMeasured=links(graph.values(f"#run-{operation.uid}-{stream}", variables)),
            )


def _person(name: str) -> str:
    return f"#person-{slug(name)}"


def _sample(name: str) -> str:
    return f"#sample-{slug(name)}"
