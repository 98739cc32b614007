"""The beginning of a driver: a device, its simulation and their tests, which pass as they are."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

from labctl.errors import FileError, Problem

NAME = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")
_ENTRY = re.compile(r'^    "(\w+)": "devices\.\w+",\n', re.MULTILINE)


def write_device(name: str, protocol: str, checkout: Path) -> None:
    """Write the modules of a new device into a checkout and make it known; nothing there is overwritten.

    Args:
        name: of the class, e.g. ``HeidolphMR3001``.
        protocol: ``scpi`` or ``modbus``.
        checkout: folder of labctl's sources.

    Raises:
        FileError: it is no class name or is taken, or the folder is no checkout of labctl; nothing was written.
    """
    register = checkout / "devices" / "__init__.py"
    if NAME.fullmatch(name) is None:
        raise FileError("NAME", [Problem("", f"{name!r} is no class name such as 'HeidolphMR3001'")])
    if not register.is_file() or not (checkout / "sim_devices").is_dir():
        raise FileError(str(checkout), [Problem("", "is no checkout of labctl: devices/ or sim_devices/ is missing")])
    module = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()
    written = {
        checkout / "devices" / f"{module}.py": f"{protocol}_device.txt",
        checkout / "sim_devices" / f"{module}.py": f"{protocol}_simulation.txt",
        checkout / "tests" / "devices" / f"test_{module}.py": "test.txt",
    }
    known = register.read_text(encoding="utf-8")
    taken = [path for path in written if path.exists()]
    if taken or f'"{name}":' in known:
        raise FileError("NAME", [Problem("", f"{name} exists: {', '.join(map(str, taken)) or register}")])
    title = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    for path, template in written.items():
        text = (files("labctl.app") / "new_device" / template).read_text(encoding="utf-8")
        path.write_text(Template(text).substitute(kind=name, title=title), encoding="utf-8")
        print(f"written  {path}")  # noqa: T201  the command's answer
    register.write_text(_with_entry(known, name, module), encoding="utf-8")
    print(f"known to {register}")  # noqa: T201
    print(  # noqa: T201
        f"\nnext: pytest {checkout / 'tests/devices'} -k {name}\n"
        "      fill in source, models, signals and what the simulation does\n"
        "      python docs/generate.py"
    )


def _with_entry(text: str, name: str, module: str) -> str:
    """Return the module's text with the device in its place of the list, by alphabet."""
    entry = f'    "{name}": "devices.{module}",\n'
    entries = list(_ENTRY.finditer(text))
    after = next((found.start() for found in entries if found[1].lower() > name.lower()), entries[-1].end())
    return text[:after] + entry + text[after:]
