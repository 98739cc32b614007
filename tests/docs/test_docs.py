"""Every code block of the documentation is run; links, commands and generated parts are checked."""

from __future__ import annotations

import ast
import doctest
import importlib.util
import itertools
import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ophyd import Component as Cpt

from devices import Readback, Setting, device_class
from devices.scpi import Query
from labctl.app import _ending
from labctl.app._running import schemas
from labctl.campaign import CampaignFile, SearchFile
from labctl.lab import InstrumentFile, read_lab
from labctl.recipes import check_recipe

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*CHECKOUT.glob("README*.md"), *(CHECKOUT / "docs").rglob("*.md"), CHECKOUT / "examples/README.md"],
    key=lambda page: str(page),
)
DECISIONS = CHECKOUT / "docs/explanations/decisions"
CHEAPER = {"demo": "labctl demo --trials 1"}
"""What is run in place of a target of the Makefile."""
SHELLS = ("console", "sh")
LANGUAGES = (*SHELLS, "python", "pycon", "yaml")
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLAIN = re.compile(r"labctl [^|&;<>$`\\\n]*")
"""A line that is one command of labctl, and nothing for a shell to do."""
_LOOSELY = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

INTERPRETER = """
import contextlib, doctest, io, json, sys, traceback
names = {"__name__": "__main__"}
for number, line in enumerate(sys.stdin, 1):
    source, said, failed = json.loads(line), io.StringIO(), False
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            if source.startswith(">>>"):
                test = doctest.DocTestParser().get_doctest(source, names, f"block {number}", None, 0)
                test.globs = names
                runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
                failed = runner.run(test, clear_globs=False).failed > 0
            else:
                exec(compile(source, f"block {number}", "exec"), names)
        except BaseException:
            traceback.print_exc()
            failed = True
    print(json.dumps([failed, said.getvalue()]), flush=True)
"""


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    words: tuple[str, ...]
    """What follows the language."""
    text: str

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yield the commands of a shell block, each with the output that is shown."""
        if self.language == "sh":
            for line in self.text.splitlines():
                if line.strip() and not line.startswith("#"):
                    yield line, ""
            return
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            while command.endswith("\\"):
                more, _, shown = shown.partition("\n")
                command = command[:-1] + more
            yield command, shown


def blocks_of(page: Path) -> list[Block]:
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [Block(info.partition(" ")[0], tuple(info.split()[1:]), text) for info, text in found]


def is_run(page: Path) -> bool:
    return any(block.language in LANGUAGES for block in blocks_of(page))


def name_of(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


def is_slow(page: Path) -> bool:
    return any(block.language != "yaml" for block in blocks_of(page))


def called_in_a_fork(
    command: list[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run labctl as a process of its own that has imported everything already: most of a command's time goes there."""
    import labctl.app._commands
    import labctl.app._report
    import labctl.records
    import labctl.store

    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                with open(os.devnull) as nothing:
                    os.dup2(nothing.fileno(), 0)
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                sys.stdin = os.fdopen(0, closefd=False)
                sys.stdout, sys.stderr = (os.fdopen(fd, "w", buffering=1, closefd=False) for fd in (1, 2))
                os.chdir(folder)
                os.environ.clear()
                os.environ.update(environment)
                logging.getLogger().handlers.clear()  # pytest's own
                warnings.simplefilter("ignore")
                sys.argv = command
                labctl.app._commands.command_line()
            except SystemExit as leaving:
                code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        output.seek(0)
        return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(status), output.read().decode())


class Desk:
    """Where a reader types what a page says."""

    def __init__(self, folder: Path, environment: Mapping[str, str], made: dict[str, str]) -> None:
        self.folder, self.environment, self._made = folder, dict(environment), made
        self._interpreter: subprocess.Popen[str] | None = None
        self._servers: list[subprocess.Popen[str]] = []

    def run(self, block: Block, page: Sequence[Block]) -> None:
        if block.language in SHELLS:
            for command, shown in block.commands():
                self._type(command, shown)
        elif block.language == "yaml":
            self._write(block)
        elif block.words[:1] == ("prompt",):
            typed = [other for other in page if other.words == block.words]
            if block is typed[0]:  # one session for the page
                self._at_the_prompt(block.words[1:], "".join(other.text for other in typed))
        else:
            self._execute(block.text)

    def _type(self, command: str, shown: str) -> None:
        if command.startswith("make "):
            target = command.split()[1]
            assert re.search(rf"^{target}:", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), target
            if target not in self._made:
                self._made[target] = self._shell(CHEAPER.get(target, "true"), 0)
            self._compare(command, shown, self._made[target])
            return
        if command.startswith("labctl sim serve"):
            self._serve(command)
            return
        stated = re.search(r"# exit code (\d+)$", command)
        self._compare(command, shown, self._shell(command, int(stated[1] if stated else 0)))

    def _shell(self, command: str, code: int) -> str:
        done = self._call(["bash", "-c", f"{command}\nexit $?"])
        assert done.returncode == code, f"$ {command}\n{done.stdout}"
        return done.stdout

    def _compare(self, command: str, shown: str, seen: str) -> None:
        if shown.strip() and not doctest.OutputChecker().check_output(shown, seen, _LOOSELY):
            pytest.fail(f"$ {command}\nshown:\n{shown}\nseen:\n{seen}")

    def _call(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        line = command[-1].removesuffix("\nexit $?")
        if command[0] == "bash" and _PLAIN.fullmatch(line):
            command = shlex.split(line, comments=True)
        if command[0] == "labctl" and command[1:3] != ["store", "register"]:
            return called_in_a_fork(command, self.folder, self.environment)
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
        )

    def _serve(self, command: str) -> None:
        server = subprocess.Popen(
            command.split(), cwd=self.folder, env=self.environment, text=True, stdout=subprocess.PIPE
        )
        self._servers.append(server)
        assert server.stdout is not None
        assert any(line.startswith("serving") for line in server.stdout), f"$ {command} ended"

    def _write(self, block: Block) -> None:
        kind, *path = block.words
        content = yaml.safe_load(block.text)
        if path[:1] == ["part"]:
            example = yaml.safe_load((self.folder / f"examples/ito/{kind}.yaml").read_text(encoding="utf-8"))
            check_file(kind, merged(example, content), self.folder / "examples/ito/part.yaml")
            return
        if path:
            file = self.folder / path[0]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        check_file(kind, content, self.folder / "whole.yaml")

    def _at_the_prompt(self, words: Sequence[str], typed: str) -> None:
        file, out = words
        done = self._call(["labctl", "shell", file, "--out", out, "-c", typed])
        assert done.returncode == 0, done.stdout

    def _execute(self, source: str) -> None:
        if self._interpreter is None:
            self._interpreter = subprocess.Popen(
                [sys.executable, "-c", INTERPRETER],
                cwd=self.folder,
                env=self.environment,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        assert self._interpreter.stdin is not None and self._interpreter.stdout is not None
        print(json.dumps(source), file=self._interpreter.stdin, flush=True)
        failed, said = json.loads(self._interpreter.stdout.readline())
        assert not failed, f"{source}\n{said}"

    def close(self) -> None:
        """End what still runs; a server ends well by Ctrl-C."""
        if self._interpreter is not None:
            self._interpreter.communicate(timeout=30)
        for server in self._servers:
            server.send_signal(signal.SIGINT)
        for server in self._servers:
            server.communicate(timeout=30)
            assert server.returncode == 0, server.args


def merged(base: Any, change: Any) -> Any:
    """Return a file's content with part of it replaced."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    return {**base, **{key: merged(base.get(key), value) for key, value in change.items()}}


def check_file(kind: str, content: Any, scratch: Path) -> None:
    """Validate a block as the kind of file it is said to be."""
    if kind == "recipe":
        recipe, problems = check_recipe(content, schemas())
        assert recipe is not None, list(map(str, problems))
    elif kind == "campaign":
        CampaignFile.model_validate(content)
    elif kind == "lab":
        scratch.write_text(yaml.safe_dump(content), encoding="utf-8")
        read_lab(scratch, schemas())
    elif kind == "search":
        SearchFile.model_validate(content)
    elif kind == "instrument":
        InstrumentFile.model_validate(content)
    else:
        pytest.fail(f"a yaml block says recipe, campaign, search, instrument or lab, not {kind!r}")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all pages, with examples and sources: a reader makes the demo once."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(CHECKOUT / "examples", folder / "examples")
    for package in ("devices", "labctl", "plans", "sim_devices", "tests"):
        shutil.copytree(CHECKOUT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(CHECKOUT / "pyproject.toml", folder / "pyproject.toml")
    return folder


@pytest.fixture(scope="session")
def made() -> dict[str, str]:
    return {}


@pytest.fixture
def desk(checkout: Path, made: dict[str, str]) -> Iterator[Desk]:
    kept = {key: value for key, value in os.environ.items() if key in ("LANG", "LC_ALL", "TMPDIR")}
    environment = {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": str(CHECKOUT),
        "HOME": str(checkout),
        "XDG_CACHE_HOME": str(Path.home() / ".cache"),  # matplotlib's list of fonts
        "COLUMNS": "200",
        "MPLBACKEND": "Agg",
        "PYTHONWARNINGS": "ignore",
    }
    desk = Desk(checkout, environment, made)
    yield desk
    desk.close()


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=name_of(page), marks=[pytest.mark.slow] if is_slow(page) else [])
        for page in PAGES
        if is_run(page) and page.name != "README.ja.md"  # its commands are those of README.md
    ],
)
def test_every_block_of_the_page_runs(page: Path, desk: Desk) -> None:
    blocks = blocks_of(page)
    for block in blocks:
        if block.language or page.parent != DECISIONS:
            desk.run(block, blocks)


def test_every_block_says_what_it_is() -> None:
    unknown = [
        (name_of(page), block.language)
        for page in PAGES
        for block in blocks_of(page)
        if block.language not in LANGUAGES and not (page.parent == DECISIONS and not block.language)
    ]
    assert unknown == []


def anchors_of(page: Path) -> set[str]:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_relative_link_leads_somewhere() -> None:
    wrong = []
    for page in [*PAGES, CHECKOUT / "CHANGELOG.md"]:
        text = _FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            if re.match(r"\w+:", target):
                continue
            there = page.parent / path if path else page
            if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors_of(there)):
                wrong.append(f"{name_of(page)}: {target}")
    assert wrong == []


def test_every_page_of_the_documentation_is_linked() -> None:
    linked = set()
    for page in PAGES:
        targets = re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8"))
        linked |= {(page.parent / target).resolve() for target in targets if not re.match(r"\w+:", target)}
    folders = {there for there in linked if there.is_dir()}
    pages = [page for page in PAGES if page.parent not in folders and page.parent.parent not in folders]
    assert [name_of(page) for page in pages if page.resolve() not in linked and page.name != "README.md"] == []


def leaves(group: Any, prefix: str) -> Iterator[str]:  # a click group
    for name, command in group.commands.items():
        full = f"{prefix} {name}"
        if hasattr(command, "commands"):
            yield from leaves(command, full)
        else:
            yield full


def test_every_command_is_shown_and_run_on_a_page() -> None:
    import typer.main

    from labctl.app._commands import command_line

    typed = [
        command
        for page in PAGES
        for block in blocks_of(page)
        for command, _ in (block.commands() if block.language in SHELLS else ())
    ]
    typed += [CHEAPER.get(command.removeprefix("make ").split()[0], "") for command in typed]
    wanted = list(leaves(typer.main.get_command(command_line), "labctl"))
    assert [name for name in wanted if not any(re.match(rf"{name}( |$)", command) for command in typed)] == []


def test_both_readmes_have_the_same_commands() -> None:
    def commands(name: str) -> list[str]:
        blocks = blocks_of(CHECKOUT / name)
        return [command.partition("#")[0].strip() for block in blocks for command, _ in block.commands()]

    assert commands("README.md") == commands("README.ja.md") != []


def generator() -> Any:
    """Return docs/generate.py as a module."""
    specification = importlib.util.spec_from_file_location("docs_generate", CHECKOUT / "docs/generate.py")
    assert specification is not None and specification.loader is not None
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    return generate


def test_the_reference_pages_are_what_the_code_generates() -> None:
    generate = generator()
    pages = sorted((CHECKOUT / "docs/reference").glob("*.md"))
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    assert {name for name, text in texts.items() if generate.rendered(text) != text} == set(), "docs/generate.py"
    used = set(itertools.chain.from_iterable(re.findall(r"<!-- generated: ([a-z-]+)", text) for text in texts.values()))
    assert used == set(generate.PARTS)


def test_the_exit_codes_are_those_of_the_program() -> None:
    assert _ending.__file__ is not None
    tree = ast.parse(Path(_ending.__file__).read_text(encoding="utf-8"))
    codes = {
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, int)
    }
    page = (CHECKOUT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == codes | {0}


def test_every_dependency_has_its_reason() -> None:
    import tomllib

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {re.split(r"[<>=\[!~ ]", entry)[0] for entry in project["dependencies"]}
    page = (DECISIONS / "0001-dependencies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w-]+)", page, re.MULTILINE)) == asked


def test_no_heading_uses_a_word_that_the_glossary_avoids() -> None:
    avoided = re.compile(r"^#+ .*\b(Experiment|Task|Job|Workflow|Agent|Manager|Helper)\b", re.MULTILINE)
    assert [name_of(page) for page in PAGES if avoided.search(page.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("lack", "words"),
    [
        ({"source": ""}, "no source"),
        ({"safe_state": ""}, "no safe_state"),
        ({"models": ()}, "no models"),
        ({"bare": Cpt(Readback, point=Query("X?"), units=None)}, "bare has no unit"),
        ({"bare": Cpt(Setting, point=Query("X?", "X {}"), units="V")}, "bare has no limits"),
        ({"__name__": "Unsimulated"}, "no simulation"),
    ],
)
def test_the_list_of_instruments_refuses_a_device_that_lacks_something(lack, words, monkeypatch) -> None:
    generate, name = generator(), lack.get("__name__", "Keithley2400")
    lacking = type(name, (device_class("Keithley2400"),), dict(lack))
    monkeypatch.setattr(generate, "DEVICES", {name: "devices.nowhere:Nothing"})
    monkeypatch.setattr(generate, "device_class", lambda _: lacking)
    with pytest.raises(ValueError, match=f"{name}: {words}"):
        generate.instruments()
