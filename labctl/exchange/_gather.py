"""What is given away together: the histories of a sample, or of all samples of a campaign, with what they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labctl.errors import StoreError
from labctl.files import nearest
from labctl.metadata import AccessPolicy
from labctl.records import (
    Attachment,
    Flag,
    OperationHistory,
    SampleEntry,
    SampleRegistry,
    Value,
    operation_history,
    quality_of,
)
from labctl.store import RecordedRun, Store

_MOST_NAMES = 20


@dataclass(frozen=True)
class SampleDossier:
    """One sample: what it is and everything that was done to it."""

    entry: SampleEntry
    """With parents, attachments and policies."""
    operations: tuple[OperationHistory, ...]
    """In the order they began."""

    @property
    def sample(self) -> str:
        """Its name."""
        return self.entry.name

    @property
    def substrate(self) -> dict[str, Value]:
        """What its substrate's certificate says; of what several runs say the last one counts."""
        return {key: value for operation in self.operations for key, value in operation.substrate.items()}


@dataclass(frozen=True)
class Dossier:
    """Everything that is given away together."""

    name: str
    """Of the sample or campaign that was asked for."""
    kind: str
    """``sample`` or ``campaign``."""
    lab: str
    directory: Path
    """Of the store it comes from."""
    samples: tuple[SampleDossier, ...]
    """Each one after those it was made from."""
    runs: Mapping[str, RecordedRun]
    """By uid, in the order they began."""
    neighbours: Mapping[str, AccessPolicy]
    """Policies that people gave to samples that are not in it but that one of its runs names, by sample."""
    told: Mapping[str, tuple[Flag, ...]]
    """What people said of the runs' quality, by uid."""

    @property
    def policies(self) -> Iterator[tuple[str, AccessPolicy]]:
        """Each part of it with the policy that holds for it."""
        yield from self.sources
        for sample in self.samples:
            for attachment in sample.entry.attachments:
                yield f"attachment {attachment.name} of {sample.sample}", attachment.policy

    @property
    def sources(self) -> Iterator[tuple[str, AccessPolicy]]:
        """Each part of it that has a policy of its own, which the others derive from."""
        for sample in self.samples:
            if sample.entry.own_policy is not None:
                yield f"sample {sample.sample}", sample.entry.own_policy
        for name, policy in self.neighbours.items():
            yield f"sample {name} in the same load", policy
        for uid, run in self.runs.items():
            yield f"run {uid[:8]}", AccessPolicy.model_validate(run.start.get("policy", {}))

    @property
    def policy(self) -> AccessPolicy:
        """Strictest policy among its parts."""
        return AccessPolicy.strictest(policy for _, policy in self.policies)

    def flags(self, operation: OperationHistory) -> tuple[Flag, ...]:
        """Return every reason to doubt an operation, found or told."""
        return (*operation.flags, *self.told.get(operation.uid, ()))

    def quality(self, operation: OperationHistory) -> str:
        """Return how far an operation's values can be trusted: ``good``, ``suspect`` or ``bad``."""
        return quality_of(self.flags(operation))


def gather_dossier(directory: Path, name: str) -> Dossier:
    """Return the dossier of a sample, or of a campaign where no sample has the name.

    Raises:
        StoreError: nothing is known by the name, or nothing was done to it.
    """
    with Store.read(directory) as store, SampleRegistry(directory) as registry:
        known = {entry.name: entry.campaign for entry in registry.samples()}
        names = [name] if name in known else [sample for sample, campaign in known.items() if campaign == name]
        if not names:
            campaigns = tuple(dict.fromkeys(filter(None, known.values())))
            near = nearest(name, (*campaigns, *list(known)[:_MOST_NAMES]))
            raise StoreError(f"{directory} has no sample and no campaign {name!r}{near}")
        entries = _with_ancestors(registry, names)
        runs = _runs(store, tuple(entries))
        if not runs:
            raise StoreError(f"nothing was done to sample {name!r} yet; there is nothing to give away")
        others = {other for run in runs.values() for other in run.start["samples"]} - set(entries)
        given = {other: registry.sample(other).own_policy for other in sorted(others & set(known))}
        told = {uid: registry.flags(uid) for uid in runs}
    return Dossier(
        name=name,
        kind="sample" if name in known else "campaign",
        lab=next((str(run.start["lab"]) for run in runs.values() if run.start.get("lab")), store.name),
        directory=directory,
        samples=tuple(SampleDossier(entry, _operations(runs, entry.name)) for entry in entries.values()),
        runs=runs,
        neighbours={other: policy for other, policy in given.items() if policy is not None},
        told={uid: flags for uid, flags in told.items() if flags},
    )


def check_attachment(attachment: Attachment) -> None:
    """Make sure that an attached file is what was attached.

    Raises:
        StoreError: it is gone or was changed.
    """
    if not attachment.path.is_file():
        raise StoreError(f"attachment {attachment.name} is gone: {attachment.path}")
    with attachment.path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != attachment.checksum:
            raise StoreError(f"attachment {attachment.name} was changed: {attachment.path} has another checksum")


def _with_ancestors(registry: SampleRegistry, names: Sequence[str]) -> dict[str, SampleEntry]:
    found: dict[str, SampleEntry] = {}
    for name in names:
        entry = registry.sample(name)
        if entry.parents:
            found |= {ancestor.name: ancestor for ancestor in registry.ancestors(name) if ancestor.name not in found}
        found[name] = entry
    return found


def _runs(store: Store, samples: Sequence[str]) -> dict[str, RecordedRun]:
    found = {run.uid: run.time for sample in samples for run in store.runs(sample=sample)}
    return {uid: store.run(uid) for uid in sorted(found, key=lambda uid: (found[uid], uid))}


def _operations(runs: Mapping[str, RecordedRun], sample: str) -> tuple[OperationHistory, ...]:
    return tuple(operation_history(run, sample) for run in runs.values() if sample in run.start["samples"])
