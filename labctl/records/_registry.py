"""The sample registry: what is known of every sample, and what people say of it."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, select

from labctl.clock import Clock, RealClock
from labctl.errors import RegistryError, StoreError
from labctl.files import nearest
from labctl.metadata import ACCESS, AccessPolicy
from labctl.records._entry import CONDITIONS, Archive, Attachment, SampleEntry, Stay
from labctl.records._quality import QUALITIES, Flag
from labctl.records._register import Register
from labctl.records._registry_index import RegistryIndex, attachments, flags, lineage, run_policies, samples, stays
from labctl.samples import Sample
from labctl.store import Store

FOLDER = "attachments"
_CHECKSUM = re.compile(r"[0-9a-f]{64}")


class SampleRegistry:
    """Every sample of a store: what its runs tell, and what people say.

    What people say is kept in ``registry.jsonl`` and attached files under their checksum; the tables that are searched
    are made from these and from the runs, and made anew when they are missing or damaged. It may be used while a
    campaign writes the store, and by several processes.

    Args:
        directory: of the store; made with the first sample when there is none.
        by: who speaks.
        clock: tells when.
    """

    def __init__(self, directory: Path, by: str = "", clock: Clock | None = None) -> None:
        self.directory, self.by, self._clock = Path(directory).absolute(), by, clock or RealClock()
        self._register, self._index = Register(self.directory), RegistryIndex(self.directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._index.engine.dispose()

    # What people say.

    def add(
        self,
        name: str,
        *,
        lot: str = "",
        substrate: str = "",
        carrier: str = "",
        composition: str = "",
        place: str = "",
        note: str = "",
    ) -> None:
        """Register a sample before anything is done to it.

        Raises:
            RegistryError: the name is malformed or in use.
        """
        about = {"lot": lot, "substrate": substrate, "carrier": carrier, "composition": composition, "note": note}
        with self._register.locked():
            self._check_new(name)
            self._say("added", sample=name, place=place, **about)

    def split(self, name: str, children: Sequence[str], *, note: str = "") -> None:
        """Cut a sample into others; it is no more, and they inherit its policy.

        Raises:
            RegistryError: it is unknown or consumed, or a child's name is malformed or in use.
        """
        with self._register.locked():
            parent = self._usable(name)
            if len(children) < 1 or len(set(children)) < len(children):
                raise RegistryError(
                    f"{name} cannot be split into {', '.join(children) or 'nothing'}: name each part once"
                )
            for child in children:
                self._check_new(child)
            for child in children:
                inherited = {key: getattr(parent, key) for key in ("lot", "substrate", "carrier", "composition")}
                self._say("added", sample=child, parents=[name], place=parent.location, note=note, **inherited)
            self._say("consumed", sample=name, reason=f"split into {', '.join(children)}")

    def combine(self, parents: Sequence[str], name: str, *, note: str = "") -> None:
        """Make one sample of several; they are no more, and it is under the strictest of their policies.

        Raises:
            RegistryError: one of them is unknown or consumed, the name is malformed or in use, or one would be made
                from itself.
        """
        with self._register.locked():
            if len(set(parents)) < 2:
                raise RegistryError(f"{name} needs two different samples to be made from, not {', '.join(parents)}")
            for parent in parents:
                line = [entry.name for entry in self.ancestors(parent)] if parent != name else [name]
                if name in line:
                    raise RegistryError(f"{name} cannot be made from {parent}: {parent} comes from {name}, a cycle")
            entries = [self._usable(parent) for parent in parents]
            self._check_new(name)
            lots = " + ".join(dict.fromkeys(entry.lot for entry in entries if entry.lot))
            self._say("added", sample=name, parents=list(parents), place=entries[0].location, lot=lots, note=note)
            for parent in parents:
                self._say("consumed", sample=parent, reason=f"combined into {name}")

    def consume(self, name: str, reason: str) -> None:
        """Say that a sample is no more.

        Raises:
            RegistryError: it is unknown or consumed already.
        """
        with self._register.locked():
            self._usable(name)
            self._say("consumed", sample=name, reason=reason)

    def move(self, name: str, place: str) -> None:
        """Say where a sample is.

        Raises:
            RegistryError: it is unknown or consumed.
        """
        with self._register.locked():
            self._usable(name)
            self._say("moved", sample=name, place=place)

    def archive(self, name: str, shelf: str, box: str, *, condition: str = "", until: str = "") -> None:
        """Put a sample into the archive.

        Args:
            name: of the sample.
            shelf: where.
            box: where on it.
            condition: how it is kept.
            until: day (YYYY-MM-DD) up to which.

        Raises:
            RegistryError: it is unknown or consumed, or the day is none or past.
        """
        with self._register.locked():
            self._usable(name)
            self._check_day(until, "archived until")
            self._say("archived", sample=name, shelf=shelf, box=box, condition=condition, until=until)

    def attach(
        self, name: str, file: Path, *, kind: str = "file", note: str = "", policy: AccessPolicy | None = None
    ) -> str:
        """Keep a copy of a file with a sample, and return its checksum.

        Args:
            name: of the sample.
            file: to be copied.
            kind: ``photograph`` and the like.
            note: in words.
            policy: holds together with the sample's, the strictest of both.

        Raises:
            RegistryError: the sample is unknown, or the file cannot be read.
        """
        with self._register.locked():
            self.sample(name)
            try:
                content = Path(file).read_bytes()
            except OSError as error:
                raise RegistryError(f"{file} cannot be attached to {name}: {error.strerror}") from error
            checksum = hashlib.sha256(content).hexdigest()
            kept = self.directory / FOLDER / checksum
            if not kept.exists():
                kept.parent.mkdir(exist_ok=True)
                shutil.copyfile(file, kept.with_suffix(".part"))
                kept.with_suffix(".part").replace(kept)
            self._say(
                "attached",
                sample=name,
                name=Path(file).name,
                checksum=checksum,
                media_type=mimetypes.guess_type(Path(file).name)[0] or "application/octet-stream",
                kind=kind,
                note=note,
                policy=policy.model_dump() if policy is not None else None,
            )
        return checksum

    def check_attachment(self, name: str, file: Path, policy: AccessPolicy) -> None:
        """Refuse a policy that an attachment of a sample cannot have.

        Raises:
            RegistryError: the sample is unknown, its own policy is stricter, or the embargo is past.
        """
        self._check_day(policy.embargo_until, "under embargo until")
        self._check_not_wider(Path(file).name, policy, self.sample(name).policy, f"its sample {name}")

    def set_quality(self, name: str, quality: str, reason: str) -> None:
        """Judge a sample: ``good``, ``suspect`` or ``failed``, with the reason.

        Raises:
            RegistryError: it is unknown, no such quality, or no reason.
        """
        with self._register.locked():
            self.sample(name)
            if quality not in CONDITIONS:
                raise RegistryError(
                    f"quality {quality!r} is not one of {', '.join(CONDITIONS)}{nearest(quality, CONDITIONS)}"
                )
            if not reason:
                raise RegistryError(f"a quality needs a reason: why is {name} {quality}?")
            self._say("judged", sample=name, quality=quality, reason=reason)

    def set_policy(self, name: str, policy: AccessPolicy) -> None:
        """Put a sample under a policy of its own; what it inherits stays the least.

        Raises:
            RegistryError: it is unknown, it would be under a wider policy than its parents or runs, or the embargo is
                past.
        """
        with self._register.locked():
            entry = self.sample(name)
            self._check_day(policy.embargo_until, "under embargo until")
            inherited = self._inherited(name)
            if inherited is not None:
                source = f"its parents {', '.join(entry.parents)}" if entry.parents else "its runs"
                self._check_not_wider(name, policy, inherited, source)
            self._say("policy", sample=name, policy=policy.model_dump())

    def flag(self, run: str, kind: str, quality: str, *, stream: str = "", key: str = "", detail: str = "") -> None:
        """Doubt a run, a stream or a quantity; nothing is deleted.

        Args:
            run: first characters of its uid.
            kind: what is wrong, in a word or two.
            quality: ``suspect`` or ``bad``.
            stream: which one; empty for the whole run.
            key: which data key; empty for the whole stream.
            detail: in words.

        Raises:
            RegistryError: no such quality, stream or key.
            StoreError: no such run.
        """
        if quality not in QUALITIES[1:]:
            raise RegistryError(f"quality {quality!r} of a flag is not one of {', '.join(QUALITIES[1:])}")
        with Store.read(self.directory) as store:
            found = store.run(run)
        if stream and stream not in found.streams:
            raise RegistryError(f"run {found.uid[:8]} has no stream {stream!r}{nearest(stream, tuple(found.streams))}")
        keys = [name for each, of in found.streams.items() if stream in ("", each) for name in of.columns]
        if key and key not in keys:
            raise RegistryError(f"run {found.uid[:8]} has no quantity {key!r}{nearest(key, keys)}")
        with self._register.locked():
            about = {"stream": stream, "key": key, "detail": detail}
            self._say("flagged", run=found.uid, kind=kind, quality=quality, **about)

    # What is known.

    def sample(self, name: str) -> SampleEntry:
        """Return everything that is known of a sample.

        Raises:
            RegistryError: nothing is; the message names the sample that may have been meant.
        """
        self._sync()
        with self._index.engine.connect() as db:
            row = db.execute(select(samples).where(samples.c.name == name)).mappings().first()
            if row is None:
                known = [found.name for found in db.execute(select(samples.c.name))]
                raise RegistryError(f"no sample {name!r} in {self.directory}{nearest(name, known)}")
            return self._entry(db, row)

    def samples(self, **which: str) -> list[SampleEntry]:
        """Return the samples, in the order of names, without attachments and former places.

        Args:
            which: wanted values of ``lot``, ``substrate``, ``carrier``, ``campaign``, ``trial``, ``quality``,
                ``composition`` or ``location``.

        Raises:
            RegistryError: a key is none of these.
        """
        allowed = ("lot", "substrate", "carrier", "campaign", "trial", "quality", "composition", "location")
        unknown = [key for key in which if key not in allowed]
        if unknown:
            raise RegistryError(f"samples cannot be chosen by {unknown[0]!r}{nearest(unknown[0], allowed)}")
        self._sync()
        query = select(samples).order_by(samples.c.name)
        for key, value in which.items():
            if key != "location":
                query = query.where(samples.c[key] == value)
        with self._index.engine.connect() as db:
            latest = {row.sample: row for row in db.execute(select(stays).order_by(stays.c.time, stays.c.id))}
            parents: dict[str, list[str]] = {}
            for row in db.execute(select(lineage).order_by(lineage.c.id)):
                parents.setdefault(row.child, []).append(row.parent)
            found = [
                self._plain(row, latest.get(row["name"]), parents.get(row["name"], ()))
                for row in db.execute(query).mappings()
            ]
        return [entry for entry in found if "location" not in which or entry.location == which["location"]]

    def ancestors(self, name: str) -> list[SampleEntry]:
        """Return what a sample was made from, and what that was made from, the oldest first.

        Raises:
            RegistryError: nothing is known of it.
        """
        found: dict[str, SampleEntry] = {}

        def climb(child: str) -> None:
            for parent in self.sample(child).parents:
                if parent not in found:
                    climb(parent)
                    found[parent] = self.sample(parent)

        climb(name)
        return list(found.values())

    def descendants(self, name: str) -> list[SampleEntry]:
        """Return what was made from a sample, and from that, the nearest first.

        Raises:
            RegistryError: nothing is known of it.
        """
        found: dict[str, SampleEntry] = {}
        left = list(self.sample(name).children)
        while left:
            child = left.pop(0)
            if child not in found:
                found[child] = self.sample(child)
                left += found[child].children
        return list(found.values())

    def flags(self, run: str) -> tuple[Flag, ...]:
        """Return what people doubt of a run.

        Args:
            run: its whole uid.
        """
        return self.all_flags().get(run, ())

    def all_flags(self) -> dict[str, tuple[Flag, ...]]:
        """Return what people doubt, by the uid of the run."""
        self._sync()
        found: dict[str, tuple[Flag, ...]] = {}
        with self._index.engine.connect() as db:
            for row in db.execute(select(flags).order_by(flags.c.id)):
                flag = Flag(row.kind, row.quality, row.stream, row.key, row.detail, row.by)
                found[row.run] = (*found.get(row.run, ()), flag)
        return found

    def attachment(self, checksum: str) -> Path:
        """Return the copy of an attached file, after looking whether it is still what was attached.

        Raises:
            RegistryError: it is gone or was changed.
        """
        path = self.directory / FOLDER / checksum
        if not _CHECKSUM.fullmatch(checksum):
            raise RegistryError(f"{checksum!r} is no SHA-256 checksum")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RegistryError(f"attachment {checksum[:12]} is gone: {path}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != checksum:
            raise RegistryError(f"attachment {checksum[:12]} was changed: {path} has another checksum")
        return path

    # Inside.

    def _sync(self) -> None:
        """Take in what is new."""
        if not self._register.path.exists() and not (self.directory / "store.json").exists():
            raise StoreError(f"{self.directory} is no store: store.json is missing")
        self._index.prepare()
        read, seen = self._index.known()
        entries, end = self._register.read(read)
        told = []
        if (self.directory / "store.json").exists():
            with Store.read(self.directory) as store:
                fresh = [store.ends(uid) for uid in store.finished() - seen]
            told = sorted(fresh, key=lambda pair: (float(pair[0]["time"]), str(pair[0]["uid"])))
        if entries or told:
            self._index.add(entries, end, told)

    def _say(self, act: str, **about: Any) -> None:
        self._register.append(self._clock.time(), self.by, act, **about)

    def _check_new(self, name: str) -> None:
        try:
            Sample(name)
        except ValueError as error:
            raise RegistryError(str(error)) from error
        self._sync()
        with self._index.engine.connect() as db:
            if db.execute(select(samples.c.name).where(samples.c.name == name)).first() is not None:
                raise RegistryError(f"{name} is the name of another sample")

    def _usable(self, name: str) -> SampleEntry:
        entry = self.sample(name)
        if entry.consumed:
            raise RegistryError(f"{name} is no more: {entry.consumed}")
        return entry

    def _check_day(self, day: str, what: str) -> None:
        if not day:
            return
        try:
            given = date.fromisoformat(day)
        except ValueError as error:
            raise RegistryError(f"{what} {day!r}: not a day such as '2027-03-31'") from error
        today = datetime.fromtimestamp(self._clock.time(), UTC).date()
        if given < today:
            raise RegistryError(f"{what} {day}: that day is past, today is {today}")

    @staticmethod
    def _check_not_wider(name: str, policy: AccessPolicy, inherited: AccessPolicy, source: str) -> None:
        if ACCESS.index(policy.access) < ACCESS.index(inherited.access):
            raise RegistryError(f"{name} cannot be {policy.access}: it is {inherited.access} by {source}")
        if policy.embargo_until < inherited.embargo_until:
            text = f"its embargo until {inherited.embargo_until} by {source} cannot be shortened"
            raise RegistryError(f"{name}: {text}")
        if inherited.export_control and inherited.export_control not in policy.export_control:
            raise RegistryError(f"{name}: export control {inherited.export_control} by {source} cannot be dropped")

    def _inherited(self, name: str) -> AccessPolicy | None:
        """Return the strictest policy of a sample's parents and runs, or None where there is none."""
        with self._index.engine.connect() as db:
            told = db.execute(select(run_policies.c.policy).where(run_policies.c.sample == name))
            policies = [AccessPolicy.model_validate(json.loads(row.policy)) for row in told]
            parents = [
                row.parent
                for row in db.execute(select(lineage.c.parent).where(lineage.c.child == name).order_by(lineage.c.id))
            ]
        for parent in parents:
            own, above = self._own(parent), self._inherited(parent)
            policies += [policy for policy in (own, above) if policy is not None]
        return AccessPolicy.strictest(policies) if policies else None

    def _own(self, name: str) -> AccessPolicy | None:
        with self._index.engine.connect() as db:
            text = db.execute(select(samples.c.policy).where(samples.c.name == name)).scalar()
        return AccessPolicy.model_validate(json.loads(text)) if text else None

    def _entry(self, db: Connection, row: Any) -> SampleEntry:
        name = row["name"]
        where = db.execute(select(stays).where(stays.c.sample == name).order_by(stays.c.time, stays.c.id))
        kept = db.execute(select(attachments).where(attachments.c.sample == name).order_by(attachments.c.id))
        parents = [
            r.parent for r in db.execute(select(lineage.c.parent).where(lineage.c.child == name).order_by(lineage.c.id))
        ]
        children = [
            r.child for r in db.execute(select(lineage.c.child).where(lineage.c.parent == name).order_by(lineage.c.id))
        ]
        places = [Stay(r.time, r.place, r.by) for r in where]
        plain = self._plain(row, places[-1] if places else None, parents)
        own, inherited = self._own(name), self._inherited(name)
        policies = [policy for policy in (own, inherited) if policy is not None]
        policy = AccessPolicy.strictest(policies) if policies else AccessPolicy()
        return SampleEntry(
            **{
                **vars(plain),
                "children": tuple(children),
                "stays": tuple(places),
                "attachments": tuple(self._attachment(r, policy) for r in kept),
                "policy": policy,
                "own_policy": own,
            }
        )

    def _attachment(self, row: Any, policy: AccessPolicy) -> Attachment:
        own = [AccessPolicy.model_validate(json.loads(row.policy))] if row.policy else []
        path = self.directory / FOLDER / row.checksum
        return Attachment(
            row.name,
            path,
            row.checksum,
            row.media_type,
            row.kind,
            row.note,
            row.time,
            row.by,
            AccessPolicy.strictest([policy, *own]),
        )

    @staticmethod
    def _plain(row: Any, latest: Any, parents: Sequence[str]) -> SampleEntry:
        about = {key: value for key, value in row.items() if key not in ("archive", "policy")}
        archive = Archive(**json.loads(row["archive"])) if row["archive"] else None
        where = () if latest is None else (Stay(latest.time, latest.place, latest.by),)
        if archive is not None and (latest is None or latest.place != archive.place):
            archive = None  # somebody took it out
        return SampleEntry(**about, archive=archive, stays=where, parents=tuple(parents))
