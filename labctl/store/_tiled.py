"""The one place that imports tiled's server side: the catalog's schema, the client in process, the profile.

tiled's server imports ``sparse`` (with numba and llvmlite: 190 MB) for one type annotation. `allow_server` puts an
empty stand-in in its place during that one import. A process that only knows the profile comes here, too: the profile
names `catalog_client` as the client of the catalog, and tiled looks it up before it imports its server.
"""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import os
import sys
import threading
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labctl.errors import StoreError
from labctl.store._catalog import REVISION, Catalog
from labctl.store._layout import Layout

_SPEC = {"name": "CatalogOfBlueskyRuns", "version": "3.0"}
_importing = threading.Lock()


def __getattr__(name: str) -> Any:
    if name == "catalog_client":  # looked up by tiled's profile reader, by name
        allow_server()
        return _catalog_client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def allow_server() -> None:
    """Make tiled's server side importable where ``sparse`` is not installed."""
    with _importing:
        if "tiled.adapters.protocols" in sys.modules or importlib.util.find_spec("sparse") is not None:
            return
        for module in ("dask.dataframe", "dask.array", "ragged", "tiled.structures.sparse", "tiled.storage"):
            importlib.import_module(module)  # they look for sparse themselves and must not find the stand-in
        sys.modules["sparse"] = types.ModuleType("sparse")
        sys.modules["sparse"].COO = object  # type: ignore[attr-defined]
        try:
            importlib.import_module("tiled.adapters.protocols")
        finally:
            del sys.modules["sparse"]


def import_shared() -> None:
    """Import what tiled and pint both import, before two threads may import them at once and meet half a module."""
    importlib.import_module("dask.base")


def create_catalog(catalog: Catalog) -> None:
    """Create an empty catalog unless there is one (2 s of imports in a process that has not used tiled).

    Raises:
        StoreError: the installed tiled has another schema than labctl writes.
    """
    if catalog.database.exists():
        return
    allow_server()
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine
    from tiled.catalog.core import REQUIRED_REVISION, initialize_database

    if REQUIRED_REVISION != REVISION:
        raise StoreError(f"the installed tiled has schema {REQUIRED_REVISION}; this labctl writes schema {REVISION}")
    catalog.data.mkdir(parents=True, exist_ok=True)
    temporary = catalog.database.with_name("new.db")
    temporary.unlink(missing_ok=True)

    async def create() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{temporary}")
        await initialize_database(engine)
        async with engine.begin() as connection:
            await connection.execute(
                text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
            )
            await connection.execute(text(f"INSERT INTO alembic_version VALUES ('{REVISION}')"))
        await engine.dispose()

    asyncio.run(create())
    temporary.replace(catalog.database)


def open_client(catalog: Catalog) -> tuple[Any, Callable[[], None]]:
    """Return tiled's client over the catalog, served in this process, and what closes it."""
    allow_server()
    from bluesky_tiled_plugins.exporters import json_seq_exporter
    from tiled.catalog import from_uri
    from tiled.client import Context, from_context
    from tiled.config import Authentication
    from tiled.media_type_registration import default_serialization_registry
    from tiled.server.app import build_app

    registry = copy.copy(default_serialization_registry)
    registry.register("BlueskyRun", "application/json-seq", json_seq_exporter)  # else documents() is refused
    tree = from_uri(f"sqlite:///{catalog.database}", specs=[_SPEC], readable_storage=[str(catalog.data)])
    authentication = Authentication(single_user_api_key="local")
    app = build_app(tree, serialization_registry=registry, authentication=authentication)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using `httpx`")  # starlette's advice to tiled's authors
        context = Context.from_app(app, api_key="local")
    return from_context(context), context.close


def register_profile(directory: Path, name: str, profiles_dir: Path | None = None) -> Path:
    """Let other processes open the store by name; return the profile's file.

    ``databroker.catalog[name]``, ``databroker.Broker.named(name)`` and ``tiled.client.from_profile(name)`` work in any
    process that starts afterwards and has labctl installed.

    Args:
        directory: the store's.
        name: of the catalog.
        profiles_dir: where tiled looks for profiles; by default $TILED_PROFILES or the user's configuration directory.

    Raises:
        StoreError: the directory is no store, or the file cannot be written.
    """
    import yaml

    layout = Layout(Path(directory).absolute())
    layout.read_name()
    catalog = Catalog(layout.catalog)
    target = profiles_dir or Path(os.environ.get("TILED_PROFILES", Path.home() / ".config" / "tiled" / "profiles"))
    arguments = {
        "uri": f"sqlite:///{catalog.database}",
        "specs": [_SPEC],
        "readable_storage": [str(catalog.data)],
    }
    profile = {
        "structure_clients": {_SPEC["name"]: f"{__name__}:catalog_client"},
        "direct": {
            "authentication": {"allow_anonymous_access": True},
            "trees": [{"path": "/", "tree": "catalog", "args": arguments}],
            "media_types": {
                "BlueskyRun": {"application/json-seq": "bluesky_tiled_plugins.exporters:json_seq_exporter"}
            },
        },
    }
    file = target / f"{name}.yml"
    try:
        target.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump({name: profile}, sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}") from error
    return file


def _catalog_client(context: Any, *, structure_clients: Any, **item: Any) -> Any:  # tiled's types, untyped to mypy
    """Return bluesky's client of the catalog, with tiled's usual clients for what is in it."""
    from bluesky_tiled_plugins import CatalogOfBlueskyRuns
    from tiled.client.container import DEFAULT_STRUCTURE_CLIENT_DISPATCH

    return CatalogOfBlueskyRuns(context, structure_clients=DEFAULT_STRUCTURE_CLIENT_DISPATCH["numpy"], **item)
