"""Makes the catalog and the index anew from the journal."""

from __future__ import annotations

import shutil
from pathlib import Path

from labctl.errors import StoreError
from labctl.store._catalog import Catalog
from labctl.store._documents import read_documents, start_and_stop
from labctl.store._index import Index, summarize
from labctl.store._layout import Layout, WriterLock
from labctl.store._recovery import close_unfinished
from labctl.store._run import RecordedRun, gather
from labctl.store._tiled import create_catalog

_BATCH = 16


def rebuild(directory: Path) -> int:
    """Make the catalog and the index anew from the journal; return the number of runs in the catalog.

    The old catalog is in use until the new one is whole. Runs of which it has the only whole record are carried over;
    one that cannot be read is kept as ``catalog.old`` until the next time. This also repairs a store that was moved,
    because the catalog addresses its files absolutely.

    Raises:
        StoreError: the directory is no store, another process writes to it, or the disk is full.
    """
    layout = Layout(Path(directory).absolute())
    layout.read_name()
    lock = WriterLock(layout.lock)
    try:
        close_unfinished(layout, layout.journaled())
        return _rebuild(layout)
    except OSError as error:
        raise StoreError(f"{layout.directory}: the catalog cannot be rebuilt: {error}") from error
    finally:
        lock.release()


def _rebuild(layout: Layout) -> int:
    fresh, retired = (layout.catalog.with_suffix(suffix) for suffix in (".new", ".old"))
    if retired.exists() and not layout.catalog.exists():  # died between the two renames below
        retired.rename(layout.catalog)
    for leftover in (fresh, retired):
        shutil.rmtree(leftover, ignore_errors=True)
    old, new, index = Catalog(layout.catalog), Catalog(fresh, layout.catalog), Index(layout.index)
    create_catalog(new)
    held = _readable_uids(old)
    starts = {uid: start for uid in layout.journaled() if (start := start_and_stop(layout.journal_of(uid))[0])}
    for uid in (held or set()) - set(starts):
        starts[uid] = dict(_best_record(layout, old, uid).start)
    uids = sorted(starts, key=lambda uid: starts[uid]["time"])
    n_runs, summaries = 0, []
    for first in range(0, len(uids), _BATCH):
        entries = []
        for uid in uids[first : first + _BATCH]:
            path, problem = layout.journal_of(uid), ""
            stop = start_and_stop(path)[1] if path.exists() else None
            try:
                run = _best_record(layout, old, uid)
                stop = dict(run.stop) if run.stop else stop
                entries.append(new.prepare(run))
            except StoreError as error:
                problem = str(error)
            summaries.append((summarize(starts[uid], stop), problem))
        new.insert(entries)
        n_runs += len(entries)
    index.prepare()
    index.clear()
    if layout.catalog.exists():
        layout.catalog.rename(retired)
    fresh.rename(layout.catalog)
    index.put(summaries)
    if held is not None:
        shutil.rmtree(retired, ignore_errors=True)
    return n_runs


def _readable_uids(catalog: Catalog) -> set[str] | None:
    """Return the runs in the catalog, or None when it cannot be read."""
    try:
        return catalog.uids()
    except StoreError:
        return None


def _best_record(layout: Layout, old: Catalog, uid: str) -> RecordedRun:
    """Return a run from the journal, or from the old catalog when the journal file is gone or damaged.

    Raises:
        StoreError: neither has the whole run.
    """
    path = layout.journal_of(uid)
    documents = list(read_documents(path)) if path.exists() else []
    if documents and documents[-1][0] == "stop":
        return gather(documents, path)
    held = old.load(uid)
    if held is None:
        raise StoreError(f"{path} is damaged, and the catalog does not have the run")
    return held
