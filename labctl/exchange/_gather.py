"""What is given away together: the histories of a sample, or of all samples of a campaign, with what they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from labctl.errors import StoreError
from labctl.exchange._taken import taken_records
from labctl.files import nearest
from labctl.metadata import AccessPolicy
from labctl.records import Flag, OperationHistory, operation_history, quality_of, samples_of
from labctl.store import RecordedRun, Store


@dataclass(frozen=True)
class Attachment:
    """A file that people attached to a sample."""

    name: str
    path: Path
    checksum: str
    """SHA-256 of the content, hexadecimal."""
    media_type: str
    kind: str
    """``photograph`` and the like."""
    note: str
    time: float
    """[s since 1970-01-01 UTC]."""
    by: str
    policy: AccessPolicy


@dataclass(frozen=True)
class SampleDossier:
    """One sample: what it is and everything that was done to it."""

    sample: str
    operations: tuple[OperationHistory, ...]
    """In the order they began."""
    lot: str = ""
    substrate: str = ""
    parents: tuple[str, ...] = ()
    """Samples it was made from."""
    attachments: tuple[Attachment, ...] = ()
    told: AccessPolicy | None = None
    """What people said of the sample itself; None where they said nothing."""

    @property
    def policies(self) -> tuple[AccessPolicy, ...]:
        """What people said, and the policies of its runs."""
        return (*filter(None, (self.told,)), *(operation.policy for operation in self.operations))

    @property
    def policy(self) -> AccessPolicy:
        """Strictest policy among them."""
        return AccessPolicy.strictest(self.policies)


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
    """Each one after its parents."""
    runs: Mapping[str, RecordedRun]
    """By uid, in the order they began."""
    neighbours: Mapping[str, AccessPolicy] = field(default_factory=dict)
    """Policies of samples that are not in it but that one of its runs names, by sample."""
    told: Mapping[str, tuple[Flag, ...]] = field(default_factory=dict)
    """What people said of the runs' quality, by uid."""

    @property
    def policies(self) -> Iterator[tuple[str, AccessPolicy]]:
        """Each part of it with the policy that holds for it."""
        for sample in self.samples:
            if sample.told is not None:
                yield f"sample {sample.sample}", sample.told
            for attachment in sample.attachments:
                yield f"attachment {attachment.name} of {sample.sample}", attachment.policy
        for sample_name, policy in self.neighbours.items():
            yield f"sample {sample_name}, which shared a run,", policy
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
        StoreError: nothing is known by the name.
    """
    with Store.read(directory) as store:
        campaigns = {run.campaign for run in store.runs() if run.campaign}
        known = [summary.sample for summary in samples_of(store)]
        if name not in known and name not in campaigns:
            raise StoreError(
                f"{directory} has no sample and no campaign {name!r}{nearest(name, (*campaigns, *known[:20]))}"
            )
        names = [name] if name in known else [summary.sample for summary in samples_of(store, name)]
        runs = _runs(store, names)
    samples = tuple(_sample(directory, runs, sample) for sample in names)
    lab = next((str(run.start["lab"]) for run in runs.values() if run.start.get("lab")), store.name)
    return Dossier(name, "sample" if name in known else "campaign", lab, directory, samples, runs)


def _runs(store: Store, samples: list[str]) -> dict[str, RecordedRun]:
    found = {run.uid: run.time for sample in samples for run in store.runs(sample=sample)}
    return {uid: store.run(uid) for uid in sorted(found, key=lambda uid: (found[uid], uid))}


def _sample(directory: Path, runs: Mapping[str, RecordedRun], sample: str) -> SampleDossier:
    operations = tuple(operation_history(run, sample) for run in runs.values() if sample in run.start["samples"])
    substrate = operations[-1].substrate if operations else {}
    lot, identity = (str(substrate[key].value) if key in substrate else "" for key in ("lot", "substrate"))
    attachments = tuple(
        Attachment(
            name=PurePosixPath(file.name).name,
            path=file.path,
            checksum=file.checksum,
            media_type=file.media_type,
            kind="foreign record",
            note=taken.record.title,
            time=taken.time,
            by=taken.by,
            policy=taken.policy,
        )
        for taken in taken_records(directory, sample)
        for file in taken.files
    )
    return SampleDossier(sample, operations, lot, identity, attachments=attachments)
