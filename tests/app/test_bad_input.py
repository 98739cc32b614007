"""Whatever people write wrongly: every mistake at once, one clear line each, and nothing opened or moved."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT, STORE_FAILED

ROOT = Path(__file__).parents[2]
TABLE = "n,theta,r,t,toughness\n6,0,1.5,0.7,1.1\n6,0,1.5,0.7,1.3\n8,25,1.5,0.7,4.5\n10,50,2.5,1.4,9.5\n"
HEADER = TABLE.splitlines()[0]
SPACE_OF_TEXT = """
campaign: ito
lab: lab.yaml
recipe: recipe.yaml
space: all
objectives: [{name: t, direction: maximize, expression: t, inputs: {t: transmittance.transmittance}}]
budget: {trials: 1}
"""


@dataclass(frozen=True)
class Case:
    """One change to a good example, and the lines on stderr that must come of it."""

    name: str
    file: str
    """Which file is changed, and named at the beginning of each line."""
    old: str
    """Text in it that is replaced; empty to write the whole file anew."""
    new: str | bytes
    lines: tuple[str, ...]
    """What follows the file's name in each line, all of it or its beginning; ``OTHER| text`` names another file."""


def cases_of(file: str) -> Callable[..., object]:
    """Return what makes a case of changing one file."""

    def case(name: str, old: str, new: str | bytes, *lines: str) -> object:
        return pytest.param(Case(name, file, old, new, lines), id=name)

    return case


recipe, campaign, lab, table = map(cases_of, ("recipe.yaml", "campaign.yaml", "lab.yaml", "table.csv"))

RECIPE = [
    recipe(
        "tab",
        "    power: 100 W",
        "\tpower: 100 W",
        "line 6, column 1: not valid YAML: indent with spaces, not with a tab",
    ),
    recipe("syntax", "power: 100 W", "power: [100 W", "line 7, column 15: not valid YAML: "),
    recipe(
        "colon",
        "description: ",
        "description: glass: ",
        "line 2, column 19: not valid YAML: a ':' too many",
    ),
    recipe("not text", "", b"recipe: ito\ndescription: caf\xe9\n", "line 2: is not UTF-8 text (byte 0xe9)"),
    recipe("binary", "", b"recipe: \x00\n", "line 1: holds a zero byte"),
    recipe("empty", "", "# nothing yet\n", "is empty"),
    recipe("list", "", "- sputter\n", "must be a mapping (key: value), not ['sputter']"),
    recipe(
        "duplicate key",
        "    power: 100 W\n",
        "    power: 100 W\n    power: 90 W\n",
        "line 7, column 5: 'power' is given twice",
    ),
    recipe(
        "duplicate keys",
        "recipe: ito\n",
        "recipe: ito\nrecipe: ito\nrecipe: ito\n",
        "line 2, column 1: 'recipe' is given twice",
        "line 3, column 1: 'recipe' is given twice",
    ),
    recipe(
        "key that is no text",
        "recipe: ito",
        "1: ito",
        "line 1, column 1: not valid YAML: a key must be text",
    ),
    recipe("no value", "recipe: ito", "recipe:", "recipe: must be text, not nothing"),
    recipe("number for text", "recipe: ito", "recipe: 12", "recipe: must be text, not 12"),
    recipe("no name", "recipe: ito", "recipe: ''", "recipe: must not be empty"),
    recipe("missing key", "recipe: ito\n", "", "recipe: is required"),
    recipe(
        "unknown key",
        "description:",
        "descripton:",
        "descripton: unknown key; did you mean 'description'?",
    ),
    recipe(
        "text for a list",
        "",
        "recipe: a\noperations: sputter\n",
        "operations: must be a list, not 'sputter'",
    ),
    recipe(
        "unknown operation",
        "operation: anneal",
        "operation: aneal",
        "operations[2].operation: unknown operation 'aneal'; did you mean 'anneal'?",
    ),
    recipe("no unit", "power: 100 W", "power: 100", "operations[0].power: 100 has no unit; write '100 W'"),
    recipe("another unit", "power: 100 W", "power: 100 sccm", "operations[0].power: 100 sccm cannot be given in W"),
    recipe("no such unit", "power: 100 W", "power: 100 wat", "operations[0].power: 'wat' is not a unit"),
    recipe("not a number", "power: 100 W", "power: .nan", "operations[0].power: nan is not a finite number"),
    recipe(
        "endless dwell",
        "dwell: 45 min",
        "dwell: inf min",
        "operations[2].dwell: 'inf min' is not a number with a unit, such as '1 min'",
    ),
    recipe(
        "decimal comma",
        "flow: 0.3 sccm",
        "flow: 0,3 sccm",
        "operations[0].oxygen_flow: '0,3 sccm' is not a number with a unit, such as '1 sccm'",
    ),
    recipe(
        "list for a quantity",
        "power: 100 W",
        "power: [100 W]",
        "operations[0].power: ['100 W'] is not a number with a unit, such as '1 W'",
    ),
    recipe("beyond the plan", "power: 100 W", "power: 5 MW", "operations[0].power: 5 MW is outside 1..1500 W"),
    recipe("negative", "presputter: 60 s", "presputter: -60 s", "operations[0].presputter: -60 s is outside 0..99 s"),
    recipe(
        "beyond the device",
        "argon_flow: 20 sccm",
        "argon_flow: 150 sccm",
        "operations[0].argon_flow: 150 sccm is outside 0..100 sccm, the limits of argon_setpoint on station sputter",
    ),
    recipe(
        "name twice",
        "name: transmittance_as_deposited",
        "name: transmittance",
        "operations[4].name: 'transmittance' is also the name of operations[1]",
    ),
    recipe(
        "name of two words",
        "name: heat",
        "name: heat up",
        "operations[2].name: 'heat up' must be letters, digits, '_' and '-' only",
    ),
    recipe(
        "unknown parameter",
        "presputter: 60 s",
        "presputer: 60 s",
        "operations[0].presputer: unknown key; did you mean 'presputter'?",
    ),
    recipe("missing parameter", "    argon_flow: 20 sccm\n", "", "operations[0].argon_flow: is required"),
    recipe("no operation", "", "recipe: a\noperations: []\n", "operations: must not be empty"),
]

CAMPAIGN = [
    campaign(
        "furnace tried again",
        "budget: ",
        "on_failure: {anneal: {retries: 2, then: set aside}}\nbudget: ",
        "on_failure.anneal.retries: anneal changes the sample: it must not be repeated silently; 0 is allowed",
        "on_failure.anneal.then: 'set aside': after a failed anneal nobody knows whether samples may be taken out: "
        "quarantine, wait or stop is allowed",
    ),
    campaign(
        "rule for what no station offers",
        "budget: ",
        "on_failure: {aneal: {then: stop}}\nbudget: ",
        "on_failure.aneal: no station offers 'aneal'; did you mean 'anneal'?",
    ),
    campaign(
        "rule for the mover",
        "budget: ",
        "on_failure: {transfer: {then: stop}}\nbudget: ",
        "on_failure.transfer: after a failed transfer only a person can say where the sample is: no rule is allowed",
    ),
    campaign(
        "known value of nothing",
        "budget: ",
        "approve: {known: {temprature: [150 degC, 300 degC], power: [80 nm]}}\nbudget: ",
        "approve.known.temprature: unknown parameter 'temprature'; did you mean 'temperature'?",
        "approve.known.power[0]: 80 nm cannot be given in W",
    ),
    campaign("approval in a wrong word", "budget: ", "approve: sometimes\nbudget: ", "approve.when: "),
    campaign(
        "gain that nobody can tell",
        "engine: gp}",
        "engine: random}\nstop: {gain: 0.1}",
        "stop.gain: the engine random has no model that tells what there is to gain",
    ),
    campaign(
        "constraints",
        "budget: ",
        "constraints: [power + wattage <= 300, power < 200, 2 * power >= 90]\nbudget: ",
        "constraints[0]: 'power + wattage <= 300': unknown name 'wattage'; parameters that are numbers: power, ",
        "constraints[1]: 'power < 200' must compare two sides with <=, >= or ==",
    ),
    campaign(
        "constraints that contradict each other",
        "budget: ",
        "constraints: [power >= 200, power <= 90]\nbudget: ",
        "optimizer: no recipe within the limits satisfies 'power >= 200' and 'power <= 90'",
    ),
    campaign(
        "equation of what is no free number",
        "budget: ",
        "constraints: [power * ramp == 100]\nbudget: ",
        "constraints: 'power * ramp == 100': an equation must be a sum of continuous parameters without a step",
    ),
    campaign(
        "prior that is none",
        "budget: ",
        "prior: {table: nowhere.csv, stores: [nowhere]}\nbudget: ",
        "prior.stores[0]: ",
        "nowhere.csv| no such file",
    ),
    campaign("as run, but nothing tells it", "budget: ", "learn_from: as_run\nbudget: ", "learn_from: as_run needs a "),
    campaign(
        "as run by a device that the operation has not",
        "low: 150 degC, high: 520 degC",
        "low: 150 degC, high: 520 degC, as_run: oven.temperature",
        "space[3].as_run: anneal has no 'oven'",
    ),
    campaign("earlier store that is none", "budget: ", "earlier: [nowhere]\nbudget: ", "earlier[0]: "),
    campaign(
        "unknown operation of a field",
        "deposit.power",
        "deposite.power",
        "space[0].field: the recipe has no operation 'deposite'; did you mean 'deposit'?",
    ),
    campaign(
        "unknown field",
        "deposit.power",
        "deposit.powr",
        "space[0].field: sputter has no parameter 'powr'; did you mean 'power'?",
    ),
    campaign(
        "field without an operation",
        "deposit.power",
        "power",
        "space[0].field: 'power' must be an operation of the recipe, a dot and its parameter",
    ),
    campaign("limits turned round", "40 W, high: 250 W", "250 W, high: 40 W", "space[0]: low 250 W must be below high"),
    campaign("equal limits", "40 W, high: 250 W", "40 W, high: 40 W", "space[0]: low 40 W must be below high 40 W"),
    campaign(
        "logarithm of zero",
        "low: 0.02 sccm",
        "low: 0 sccm",
        "space[1].low: must be above 0 on a logarithmic scale, not 0 sccm",
    ),
    campaign(
        "beyond the device",
        "high: 250 W",
        "high: 350 W",
        "space[0].high: 350 W is outside 0..300 W, the limits of magnetron_setpoint on station sputter",
    ),
    campaign("beyond the plan", "high: 250 W", "high: 350 kW", "space[0].high: 350 kW is outside 1..1500 W"),
    campaign("no limit", ", high: 250 W", "", "space[0]: needs low and high, or values"),
    campaign("limit in another unit", "250 W", "250 V", "space[0].high: 250 V cannot be given in W"),
    campaign("limit without a unit", "250 W", "250", "space[0].high: 250 has no unit; write '250 W'"),
    campaign("field twice", "deposit.oxygen_flow", "deposit.power", "space[1].field: deposit.power is varied twice"),
    campaign("name twice", "name: oxygen", "name: power", "space[1].name: 'power' is also the name of space[0]"),
    campaign(
        "unknown scale",
        "scale: log",
        "scale: logarithmic",
        "space[1].scale: must be 'linear' or 'log', not 'logarithmic'",
    ),
    campaign(
        "values and limits",
        "values: [10 min",
        "low: 1 min, values: [10 min",
        "space[5]: gives values, and low, high, step or scale besides",
    ),
    campaign("no values", "[10 min, 30 min, 60 min, 120 min]", "[]", "space[5].values: must not be empty"),
    campaign(
        "value twice",
        "[10 min, 30 min",
        "[10 min, 600 s",
        "space[5].values[1]: 600 s is the same as values[0]",
    ),
    campaign(
        "value beyond the plan",
        "[10 min, 30 min",
        "[10 min, 30 d",
        "space[5].values[1]: 30 d is outside 0..12000 min",
    ),
    campaign("no list", "", SPACE_OF_TEXT, "space: must be a list of parameters, or a mapping with a table, not 'all'"),
    campaign(
        "unknown engine", "engine: gp", "engine: gpx", "optimizer.engine: unknown engine 'gpx'; did you mean 'gp'?"
    ),
    campaign(
        "unknown option",
        "engine: gp",
        "engine: gp, options: {start: 3}",
        "optimizer.options.start: unknown key; did you mean 'n_start'?",
    ),
    campaign(
        "unknown direction",
        "direction: maximize",
        "direction: max",
        "objectives[0].direction: must be 'maximize' or 'minimize', not 'max'",
    ),
    campaign(
        "objective of no operation",
        "transmittance.transmittance",
        "transmitance.transmittance",
        "objectives[0].inputs.transmittance: the recipe has no operation 'transmitance'; did you mean 'transmittance'?",
    ),
    campaign(
        "objective of no result",
        "resistance.sheet_resistance",
        "resistance.resistivity",
        "objectives[0].inputs.sheet_resistance: measure_sheet_resistance gives no 'resistivity'; known: sheet_resis",
    ),
    campaign(
        "expression cut short",
        "**10 / sheet_resistance ",
        "**10 / ",
        "objectives[0].expression: figure_of_merit: 'transmittance**10 /': cannot be read: invalid syntax",
    ),
    campaign(
        "unknown name in an expression",
        "**10 / sheet_resistance ",
        "**10 / resistance ",
        "objectives[0].expression: figure_of_merit: 'transmittance**10 / resistance': unknown name 'resistance'; its",
    ),
    campaign(
        "code in an expression",
        "transmittance**10 / sheet_resistance ",
        "__import__('os').system('ls') ",
        "objectives[0].expression: figure_of_merit: \"__import__('os').system('ls')\": Call is not allowed; only arith",
    ),
    campaign("no trials", "trials: 32", "trials: 0", "budget.trials: must be at least 1, not 0"),
    campaign("half a trial", "trials: 32", "trials: 3.5", "budget.trials: must be a whole number, not 3.5"),
    campaign(
        "more trials than places",
        "trials: 32",
        "trials: 320",
        "budget.trials: 320 trials need as many rack places; ",
    ),
    campaign(
        "lab time without a unit",
        "{trials: 32}",
        "{trials: 32, lab_time: 14}",
        "budget.lab_time: 14 has no unit; write '14 h'",
    ),
    campaign("too many in flight", "flight: 6", "flight: 600", "in_flight: 600 samples do not fit into 100 rack place"),
    campaign("none in flight", "flight: 6", "flight: 0", "in_flight: must be at least 1, not 0"),
    campaign("negative seed", "seed: 1", "seed: -1", "seed: must be at least 0, not -1"),
    campaign("no lab", "lab: lab.yaml", "lab: labs.yaml", "lab: no such file: "),
    campaign("no recipe", "recipe: recipe.yaml", "recipe: recipes/ito.yaml", "recipe: no such file: "),
    campaign("unknown key", "in_flight: 6", "inflight: 6", "inflight: unknown key; did you mean 'in_flight'?"),
    campaign("no budget", "budget: {trials: 32}\n", "", "budget: is required"),
    campaign(
        "unknown access",
        "in_flight: 6",
        "policy: {access: secret}",
        "policy.access: must be 'open', 'consortium' or 'closed', not 'secret'",
    ),
]

LAB = [
    lab("unknown class", "AjaDCXS", "AjaDXCS", "devices.magnetron.class: unknown device 'AjaDXCS'; did you mean 'AjaD"),
    lab(
        "wider limits",
        "[0 W, 300 W]",
        "[0 W, 3000 W]",
        "devices.magnetron.limits.setpoint[1]: 3000 W is outside 0..750 W, what AjaDCXS takes",
    ),
    lab(
        "limits turned round",
        "[0 W, 300 W]",
        "[300 W, 0 W]",
        "devices.magnetron.limits.setpoint: low 300 W must be below high 0 W",
    ),
    lab(
        "one limit",
        "[0 W, 300 W]",
        "[300 W]",
        "devices.magnetron.limits.setpoint: must have at least 2 entries, not ['300 W']",
    ),
    lab(
        "limits of no signal",
        "{setpoint: [0 W",
        "{set_point: [0 W",
        "devices.magnetron.limits.set_point: AjaDCXS has no limits of 'set_point' to narrow; did you mean 'setpoint'?",
    ),
    lab(
        "unknown role",
        "gauge: chamber_gauge",
        "gage: chamber_gauge",
        "stations.sputter.operations.sputter.gage: unknown role 'gage'; did you mean 'gauge'?",
    ),
    lab(
        "missing role",
        ", monitor: quartz",
        "",
        "stations.sputter.operations.sputter.monitor: is required: a device of class InficonSQM160",
    ),
    lab(
        "role of another class",
        "gauge: chamber_gauge",
        "gauge: quartz",
        "stations.sputter.operations.sputter.gauge: quartz is of class InficonSQM160; VacuumGauge is needed",
    ),
    lab(
        "role of no device",
        "gauge: chamber_gauge",
        "gauge: chamber_guage",
        "stations.sputter.operations.sputter.gauge: unknown device 'chamber_guage'; did you mean 'chamber_gauge'?",
    ),
    lab(
        "device of two stations",
        "furnace: furnace_b_control",
        "furnace: furnace_a_control",
        "stations.furnace_b.operations.anneal.furnace: furnace_a_control belongs to station furnace_a; a device has",
    ),
    lab(
        "device of two roles",
        "oxygen: oxygen, gauge",
        "oxygen: argon, gauge",
        "stations.sputter.operations.sputter.oxygen: argon is the argon already; each role needs a device of its own",
    ),
    lab("address twice", "ASRL2::", "ASRL3::", "devices.oxygen.address: ASRL3::INSTR is also the address of argon"),
    lab("no VISA address", "ASRL2::INSTR", "COM2", "devices.argon.address: 'COM2' is no VISA address such as 'GPIB0"),
    lab("no port", "4001", "400100", "devices.robot.address: 'TCPIP0::192.168.1.20::400100::SOCKET': port '400100' is"),
    lab("no mover", "mover: mover\n", "", "mover: is required: station mover offers 'transfer'"),
    lab("unknown mover", "mover: mover\n", "mover: robot\n", "mover: 'robot' is no station with 'transfer'; known: mo"),
    lab("unknown ambient", "[room]", "[rooms]", "ambient[0]: unknown device 'rooms'; did you mean 'room'?"),
    lab("ambient of a station", "[room]", "[quartz]", "ambient[0]: quartz belongs to station sputter; its operations"),
    lab("ambient twice", "[room]", "[room, room]", "ambient[1]: 'room' is given twice"),
    lab(
        "unknown operation",
        "      measure_transmittance:",
        "      measure_transmitance:",
        "stations.photometer.operations.measure_transmitance: unknown operation 'measure_transmitance'; did you mean",
    ),
    lab(
        "unknown fault",
        "  seed: 1",
        "  faults: [{device: magnetron, kind: dead_heater}]",
        "simulated.faults[0].kind: magnetron has no fault 'dead_heater'; known: arc, disconnected, garbled, late, lost",
    ),
    lab(
        "fault of no device",
        "  seed: 1",
        "  faults: [{device: furnace_c_control, kind: dead_heater}]",
        "simulated.faults[0].device: unknown device 'furnace_c_control'; did you mean 'furnace_b_control'?",
    ),
    lab(
        "rack and station",
        "racks: {rack: 100}",
        "racks: {probe: 100}",
        "racks.probe: 'probe' is also the name of a station",
        "substrates: substrates.csv: line 2, place: no rack has 'rack.1' (and 99 more like it); racks: probe",
    ),
    lab("no substrates", "substrates.csv", "substrate.csv", "substrates: substrate.csv: no such file"),
    lab("fitting", "target_used: 2 kWh", "target_used: 2 kW", "stations.sputter.fittings.target_used: 2 kW cannot be"),
    lab("calibration day", "due: 2027-08-31", "due: 31.8.2027", "devices.photometer_meter.calibration.due: '31.8.202"),
    lab("calibration order", "due: 2027-08-31", "due: 2021-08-31", "devices.photometer_meter.calibration: due 2021-08"),
    lab("licence", "CC-BY-4.0", "CC-BUY-4.0", "policy.licence: 'CC-BUY-4.0' is not an SPDX licence such as 'CC-BY-4."),
    lab("rack without places", "racks: {rack: 100}", "racks: {rack: 0}", "racks.rack: must be at least 1, not 0"),
    lab(
        "unknown backend", "simulated\n", "simulate\n", "backend: unknown backend 'simulate'; did you mean 'simulated'?"
    ),
    lab(
        "time-out without a unit",
        "{class: MKS937B,",
        "{class: MKS937B, timeout: 2,",
        "devices.chamber_gauge.timeout: 2 has no unit; write '2 s'",
    ),
    lab(
        "too many retries",
        "{class: MKS937B,",
        "{class: MKS937B, retries: 100,",
        "devices.chamber_gauge.retries: must be at most 10, not 100",
    ),
    lab("text for a number", "places: 4", "places: four", "stations.furnace_a.places: must be a whole number, not 'fo"),
    lab("unknown key of a policy", "access: open", "acess: open", "policy.acess: unknown key; did you mean 'access'?"),
    lab(
        "name of a station",
        "  sputter:\n",
        "  Sputter 1:\n",
        "stations.Sputter 1: 'Sputter 1' must be lower-case letters, digits and '_', a letter first",
    ),
    lab(
        "no station can",
        "  photometer:\n    operations:\n      measure_transmittance: {meter: photometer_meter}\n",
        "",
        "recipe.yaml| operations[1].operation: no station offers 'measure_transmittance'; the lab offers: anneal, mea",
        "recipe.yaml| operations[4].operation: no station offers 'measure_transmittance'; the lab offers: anneal, mea",
    ),
]

TABLES = [
    table("missing column", "theta", "angle", "line 1, theta: no such column; known: angle, n, r, t, tough"),
    table("nothing", TABLE, "", "is empty"),
    table("only a header", TABLE, HEADER, "has a header and no row"),
    table("text for a number", "4.5", "strong", "line 4, toughness: 'strong' is not a number"),
    table("infinite", "4.5", "inf", "line 4, toughness: 'inf' is not a number"),
    table("ragged row", ",4.5", "", "line 4: has 4 cells; the header has 5"),
    table("semicolons", TABLE, TABLE.replace(",", ";"), "line 1: cells must be separated by commas, not by ';'"),
    table("empty cell", "25", "", "line 4, theta: is empty"),
    table("open quote", "4.5", '"4.5', "line 5: not valid CSV: unexpected end of data"),
    table(
        "column twice", "t,toughness", "theta,toughness", "line 1: column 'theta' is given twice", "line 1, t: no such"
    ),
    table("byte of another code", TABLE, b"n,theta\n6,\xe9\n", "line 2: is not UTF-8 text (byte 0xe9); save the"),
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a campaign over parameters (campaign.yaml) and one over a table (crossed_barrel.yaml)."""
    shutil.copytree(ROOT / "labctl/app/ito", tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py*"))
    for name in ("lab.yaml", "recipe.yaml"):
        shutil.copy(ROOT / "examples/table" / name, tmp_path / f"table_{name}")
    text = (ROOT / "examples/table/crossed_barrel.yaml").read_text()
    text = text.replace("lab: lab.yaml", "lab: table_lab.yaml").replace(
        "recipe: recipe.yaml", "recipe: table_recipe.yaml"
    )
    (tmp_path / "crossed_barrel.yaml").write_text(text)
    (tmp_path / "table.csv").write_text(TABLE)
    return tmp_path


def labctl(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def assert_lines(result: Result, folder: Path, file: str, lines: tuple[str, ...], code: int = BAD_INPUT) -> None:
    told = result.stderr.splitlines()
    print(result.stderr)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code
    assert "Traceback" not in result.stderr
    for line in lines:
        other, bar, rest = line.partition("| ")
        start = f"{folder / other}: {rest}" if bar else f"{folder / file}: {line}"
        assert any(one.startswith(start) for one in told), f"no line begins with {start!r}"
    assert len(told) == len(lines)


def change(path: Path, old: str, new: str | bytes) -> None:
    if old and isinstance(new, str):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
    else:
        path.write_bytes(new if isinstance(new, bytes) else new.encode())


@pytest.mark.parametrize("case", [*RECIPE, *CAMPAIGN, *LAB])
def test_every_mistake_is_one_clear_line_and_nothing_is_opened(case: Case, files: Path) -> None:
    change(files / case.file, case.old, case.new)
    result = labctl("campaign", "run", files / "campaign.yaml", "--out", files / "out")
    assert_lines(result, files, case.file, case.lines)
    assert not (files / "out").exists()


@pytest.mark.parametrize("case", TABLES)
def test_every_mistake_of_a_table_is_one_clear_line(case: Case, files: Path) -> None:
    change(files / case.file, case.old, case.new)
    arguments = ("--table", files / "table.csv", "--out", files / "out")
    result = labctl("campaign", "run", files / "crossed_barrel.yaml", *arguments)
    assert_lines(result, files, case.file, case.lines)
    assert not (files / "out").exists()


def test_mistakes_in_several_files_are_told_at_once(files: Path) -> None:
    change(files / "campaign.yaml", "high: 250 W", "high: 250 V")
    change(files / "campaign.yaml", "engine: gp", "engine: gb")
    change(files / "recipe.yaml", "dwell: 45 min", "dwell: 45")
    change(files / "lab.yaml", "class: VaisalaHMT330", "class: Vaisala")
    result = labctl("campaign", "check", files / "campaign.yaml")
    lines = (
        "space[0].high: 250 V cannot be given in W",
        "optimizer.engine: unknown engine 'gb'",
        "recipe.yaml| operations[2].dwell: 45 has no unit; write '45 min'",
        "lab.yaml| devices.room.class: unknown device 'Vaisala'; did you mean 'VaisalaHMT330'?",
    )
    assert_lines(result, files, "campaign.yaml", lines)


@pytest.mark.parametrize(
    ("arguments", "file", "line"),
    [
        (["campaign", "run", "{}/campain.yaml"], "campain.yaml", "no such file"),
        (["campaign", "check", "{}"], "", "cannot be read: Is a directory"),
        (["campaign", "run", "{}/crossed_barrel.yaml"], "crossed_barrel.yaml", "space.table: is required, here or on"),
        (["campaign", "run", "{}/crossed_barrel.yaml", "--table", "{}/t.csv"], "t.csv", "no such file"),
        (
            ["campaign", "run", "{}/campaign.yaml", "--table", "{}/table.csv"],
            "campaign.yaml",
            "space: is a list of par",
        ),
        (["lab", "check", "{}/labs.yaml"], "labs.yaml", "no such file"),
        (["shell", "{}/recipe.yaml"], "recipe.yaml", "lab: is required"),
    ],
)
def test_a_wrong_argument_is_named(arguments: list[str], file: str, line: str, files: Path) -> None:
    result = labctl(*(argument.format(files) for argument in arguments))
    assert result.exit_code == BAD_INPUT
    assert isinstance(result.exception, SystemExit)
    start = f"{files / file}: {line}"
    assert any(told.startswith(start) for told in result.stderr.splitlines()), result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs"], "{} is no store: store.json is missing"),
        (["run", "show", "{}", "abc"], "{} is no store: store.json is missing"),
        (["sample", "list", "{}"], "{} is no store: store.json is missing"),
        (["sample", "history", "{}", "s-1"], "{} is no store: store.json is missing"),
        (["store", "verify", "{}"], "{} is no store: store.json is missing"),
        (["store", "rebuild", "{}"], "{} is no store: store.json is missing"),
        (["campaign", "status", "{}"], "{} holds no campaign: {}/campaign/campaign.yaml is missing"),
        (["campaign", "report", "{}"], "{} holds no campaign: {}/campaign/campaign.yaml is missing"),
    ],
)
def test_a_folder_without_records_is_named(arguments: list[str], message: str, files: Path) -> None:
    given = [argument.format(files) for argument in arguments]
    result = labctl(*given, *([files] if len(given) == 1 else []))
    assert (result.exit_code, result.stderr) == (STORE_FAILED, message.replace("{}", str(files)) + "\n")
