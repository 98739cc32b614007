"""Writing a recipe from a sample's record."""

from __future__ import annotations

from pathlib import Path

from labctl.app._running import schemas
from labctl.errors import StoreError
from labctl.files import nearest, yaml_text
from labctl.records import operations_of, recorded_recipe, samples_of
from labctl.store import Store


def recipe_text(directory: Path, sample: str, *, as_run: bool) -> str:
    """Return the text of a recipe file that makes a sample again.

    Args:
        directory: of the store.
        sample: its name.
        as_run: with what was reached, in place of what was asked.

    Raises:
        StoreError: there is no such sample, or its record gives no recipe.
    """
    with Store.read(directory) as store:
        operations = operations_of(store, sample)
        if not operations:
            known = [summary.sample for summary in samples_of(store)]
            raise StoreError(f"{directory} has no sample {sample!r}{nearest(sample, known)}")
    return yaml_text(recorded_recipe(sample, operations, schemas(), as_run=as_run))
