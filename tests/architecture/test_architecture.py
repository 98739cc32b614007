"""Rules of the whole source that no other tool holds."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("labctl", "devices", "plans", "sim_devices")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MODULES = sorted({".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in SOURCES})


def names_called(path):
    """Return every dotted name that a file calls."""
    return {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("path", [p for p in SOURCES if "clock" not in p.parts], ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_clock_sleeps_tells_the_time_and_starts_threads(path):
    forbidden = {"time.sleep", "time.time", "threading.Thread"}
    assert not names_called(path) & forbidden


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_pickle_eval_or_exec(path):
    assert not names_called(path) & {
        "eval",
        "exec",
        "pickle.load",
        "pickle.loads",
        "yaml.unsafe_load",
        "yaml.full_load",
    }


def test_simulation_is_named_only_where_it_may_be():
    allowed = {"app", "lab"}
    for path in SOURCES:
        parts = path.relative_to(ROOT).parts
        if parts[0] == "sim_devices" or (parts[0] == "labctl" and parts[1] in allowed):
            continue
        assert "sim_devices" not in path.read_text(), path


def test_there_is_no_drawer_for_odds_and_ends():
    names = {part for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not names & {"utils", "helpers", "common", "misc", "manager"}


@pytest.mark.slow
def test_importing_opens_nothing():
    code = f"""
import sys, threading, socket
before = threading.active_count()
def refuse(*a, **k): raise AssertionError("a socket was opened on import")
socket.socket.connect = refuse
for module in {MODULES!r}:
    __import__(module)
assert threading.active_count() == before, threading.enumerate()
"""
    done = subprocess.run([sys.executable, "-W", "error::ResourceWarning", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_imports_nothing_heavy():
    code = """
import sys
sys.argv = ["labctl", "--help"]
from labctl.app import main
try:
    main()
except SystemExit:
    pass
heavy = {"numpy", "bluesky", "ophyd", "tiled", "databroker", "scipy", "pandas", "matplotlib", "pyarrow", "pydantic"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "campaign" in done.stdout
