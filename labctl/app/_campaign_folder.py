"""Folders of campaigns: their names, and the files that a campaign was started from."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

from labctl.campaign import CheckedCampaign, is_closed
from labctl.files import read_yaml, yaml_text
from labctl.lab import LabFile, is_described

FILES = "campaign"
"""Folder of a store with the files that the campaign was started from."""


def unused_folder(name: str) -> Path:
    """Return `name`, or `name`-2, -3... when a folder with that name is there."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(path for path in map(Path, names) if not path.exists())


def newest_folder(name: str) -> Path:
    """Return the last of `name`, `name`-2, -3... that is there; `name` when none is."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    there = list(itertools.takewhile(Path.exists, map(Path, names)))
    return there[-1] if there else Path(name)


def unfinished_folder(name: str) -> Path | None:
    """Return the newest of `name`, `name`-2... if a campaign in it did not end, else None."""
    folder = newest_folder(name)
    return folder if any(is_closed(store) is False for store in campaigns_in(folder)) else None


def campaigns_in(directory: Path) -> list[Path]:
    """Return the stores of the campaigns in a folder: itself, or those in it that shared a laboratory."""
    if (directory / FILES).exists() or not directory.is_dir():
        return [directory]
    return sorted(path.parent for path in directory.glob(f"*/{FILES}")) or [directory]


def keep_files(checked: CheckedCampaign, out: Path) -> None:
    """Copy the campaign's files into the store, so that it can be read without them."""
    folder = out / FILES
    folder.mkdir(parents=True)
    content = read_yaml(checked.paths["campaign"])
    content |= {"lab": "lab.yaml", "recipe": "recipe.yaml", "seed": checked.file.seed}
    content["budget"] = {**content["budget"], "trials": checked.file.budget.trials}
    if "earlier" in content:
        folder_of = checked.paths["campaign"].parent
        content["earlier"] = [str((folder_of / name).absolute()) for name in content["earlier"]]
    if content.get("prior") is not None:
        content["prior"] = _kept_prior(checked, folder)
    if "table" in checked.paths:
        content["space"]["table"] = "table.csv"
        shutil.copyfile(checked.paths["table"], folder / "table.csv")
    keep_lab(checked.paths["lab"], checked.lab, folder)
    shutil.copyfile(checked.paths["recipe"], folder / "recipe.yaml")
    (folder / "campaign.yaml").write_text(yaml_text(content), encoding="utf-8")


def keep_lab(path: Path, file: LabFile, folder: Path) -> None:
    """Copy a lab file with the files that it names; `file` is what it says."""
    named = {"substrates": "substrates.csv", "calendar": "calendar.ics", "cassette": "cassette.jsonl"}
    used = {key: name for key, name in named.items() if getattr(file, key)}
    for key, name in used.items():
        _copy(Path(getattr(file, key)), folder / name)
    lab = read_yaml(path)
    described = {entry.kind: entry.kind for entry in file.devices.values() if is_described(entry.kind)}
    for number, source in enumerate(described, 1):
        described[source] = f"instrument_{number}_{Path(source).name}"
        _copy(Path(source), folder / described[source])
    for name, device in lab["devices"].items():
        kind = file.devices[name].kind
        device["class"] = described.get(kind, kind)
    is_changed = described or any(lab[key] != name for key, name in used.items())
    text = yaml_text({**lab, **used}) if is_changed else path.read_text(encoding="utf-8")
    draft = folder / ".lab.yaml.new"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / "lab.yaml")


def _copy(source: Path, target: Path) -> None:
    if source.resolve() != target.resolve():  # the file may be the kept one, which somebody edited
        shutil.copyfile(source, target)


def _kept_prior(checked: CheckedCampaign, folder: Path) -> dict[str, object]:
    prior, folder_of = checked.file.prior, checked.paths["campaign"].parent
    kept: dict[str, object] = {"stores": [str((folder_of / name).absolute()) for name in prior.stores] if prior else []}
    if "prior" in checked.paths:
        shutil.copyfile(checked.paths["prior"], folder / "prior.csv")
        kept["table"] = "prior.csv"
    return kept
