"""What explains a property: on a recorded season of the simulated line, and on numbers whose causes are known."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT, LAB_FAILED, STORE_FAILED
from labctl.errors import FileError
from labctl.records import Explanation, explain, search
from labctl.records._influences import influences, signal_of
from labctl.records._measured import measured
from labctl.records._mixed_model import SmoothModel
from tests.season import Season, record_season

pytestmark = pytest.mark.timeout(600)  # a season is recorded first
OURS = "sample ~ S-"
SHEET = "result.measure_sheet_resistance.sheet_resistance"
HIDDEN = {
    "overshoot of the furnace": "anneal.furnace.temperature",
    "erosion of the target": "wear.sputter.target",
    "humidity of the room": "room_humidity",
}
COPY = "magnet.age"
DECOYS = ("decoy.random", "decoy.trend", "decoy.pressure", "decoy.weather")


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded season of 50 samples; benchmarks/explain.py tells how many seasons of 20 end as well as this one."""
    folder = tmp_path_factory.mktemp("season") / "store"
    record_season(folder, Season(n=50, seed=2))
    return folder


@pytest.fixture(scope="module")
def explained(season: Path) -> Explanation:
    told = measured([season], SHEET, OURS)
    worn, rng = np.array(told.columns["wear.sputter.target"]), np.random.default_rng(1)
    also = decoys(told.samples)
    also[COPY] = worn + 0.05 * worn.std() * rng.normal(size=len(worn))
    return explain(season, "sheet_resistance", OURS, also=also)


def decoys(samples: Sequence[str], seed: int = 0) -> pd.DataFrame:
    """Return quantities that have nothing to do with any sample: noise, a clock, slow and fast air."""
    rng, n = np.random.default_rng(seed), len(samples)
    table = {
        "decoy.random": rng.normal(size=n),
        "decoy.trend": np.arange(n) + rng.normal(size=n),
        "decoy.pressure": 1013.0 + np.cumsum(rng.normal(size=n)),
        "decoy.weather": np.sin(np.arange(n) / 3.0 + rng.uniform(0, 6)) + 0.2 * rng.normal(size=n),
    }
    return pd.DataFrame(table, index=list(samples))


def labctl(*words: object) -> Result:
    return CliRunner().invoke(command_line, ["records", "explain", *map(str, words)])


@pytest.mark.slow
def test_the_influences_that_nobody_set_are_found(explained: Explanation) -> None:
    named = explained.of("explains", "one of several")
    for what, signal in HIDDEN.items():
        assert any(signal in (signal_of(one.quantity), one.quantity) for one in named), f"{what}: {explained.table}"
    assert {"asked.anneal.temperature", "asked.sputter.thickness"} <= {one.quantity for one in named}


@pytest.mark.slow
def test_no_decoy_is_named(explained: Explanation) -> None:
    named = [one.quantity for one in explained.of("explains", "one of several")]
    assert not set(named) & set(DECOYS)
    inert = [name for name in named if "argon" in name or "foreline" in name or "room_temperature" in name]
    assert inert == []


@pytest.mark.slow
def test_an_effect_has_the_sign_the_size_and_the_unit_of_the_physics(explained: Explanation) -> None:
    assert explained.effect_unit == "%"
    effects = {one.quantity: one for one in explained.findings}
    thickness = effects["asked.sputter.thickness"]
    expected = 100 * (
        thickness.begin / thickness.end - 1
    )  # resistance falls as the inverse of the thickness, or faster
    assert 1.3 * expected < thickness.effect < 0.9 * expected
    assert thickness.low < thickness.effect < thickness.high and thickness.unit == "nm"
    overshoot = effects["asrun.anneal.furnace.temperature.overshoot"]
    assert overshoot.effect < -3 and overshoot.unit == "K"


@pytest.mark.slow
def test_what_follows_from_the_measurement_is_no_cause(explained: Explanation) -> None:
    keys = [key for one in explained.findings for key in (one.quantity, *one.kin)]
    assert not [key for key in keys if key.startswith(("result.", "readings."))]
    assert not [key for key in keys if "probe_meter" in key or "measure_transmittance" in key]


@pytest.mark.slow
def test_what_did_not_vary_cannot_be_judged(explained: Explanation) -> None:
    fixed = {one.quantity: one.reason for one in explained.of("cannot tell")}
    assert fixed["asked.sputter.power"] == "does not vary"


@pytest.mark.slow
def test_wear_counts_what_other_samples_used(season: Path) -> None:
    told = measured([season], SHEET, OURS)
    wear = dict(zip(told.samples, np.array(told.columns["wear.sputter.target"]), strict=True))
    runs = search(season, "kind = sputter", columns=["fittings.sputter.target_used", "duration"], by="run")
    lit_s = runs["duration"] - 60.0  # the gas settles first
    energy = lit_s / 3.6e6 * np.where(runs["sample"] == "other", 250.0, 40.0)
    mounted = (runs["fittings.sputter.target_used"].diff() != 0).cumsum()
    expected = runs["fittings.sputter.target_used"] + energy.groupby(mounted).cumsum() - energy
    assert "other" in set(runs["sample"])
    for sample, value in zip(runs["sample"], expected, strict=True):
        if sample in wear:
            assert wear[sample] == pytest.approx(value, abs=0.05), sample  # read every 120 s


@pytest.mark.slow
def test_a_copy_with_another_name_cannot_be_told_apart(explained: Explanation) -> None:
    (one,) = [f for f in explained.of("one of several") if COPY in (f.quantity, *f.rivals)]
    assert "wear.sputter.target" in (one.quantity, *one.rivals)


@pytest.mark.slow
def test_the_command_shows_draws_and_writes_it(season: Path, tmp_path: Path) -> None:
    picture, file = tmp_path / "why.png", tmp_path / "why.json"
    done = labctl(season, "sheet_resistance", "--where", "sample < S-026", "--plot", picture, "--json", file)
    assert done.exit_code == 0, done.output
    assert "asked.anneal.temperature" in done.stdout and "effect [ohm]" in done.stdout
    assert "cannot tell, because they do not vary" in done.stdout and "WARNING" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["n_samples"] == 25 and told["findings"][0]["verdict"] == "explains"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (("STORE", "sheet_resistence"), "did you mean 'sheet_resistance'?", BAD_INPUT),
        (("STORE", "colour"), "no sample has such a fact; results there are: result.", BAD_INPUT),
        (("STORE", "result.measure_sheet_resistance.valid"), "it is 1 for all samples: there is nothing", BAD_INPUT),
        (("STORE", SHEET, "--where", "sample < S-010"), "9 samples have it; at least 16 are needed, for 4", BAD_INPUT),
        (("STORE", SHEET, "--where", "station = nowhere"), "0 samples have it", BAD_INPUT),
        (("STORE", "station.anneal"), "is a text, not a number", BAD_INPUT),
        (("STORE",), "give at least one folder and what to explain", BAD_INPUT),
        (("STORE", SHEET, "--quality", "perfect"), "Invalid value", BAD_INPUT),
        (
            ("STORE", SHEET, "--where", OURS, "--plot", "why.txt"),
            "a picture's name ends in .png, .svg, .pdf",
            BAD_INPUT,
        ),
        (("NOWHERE", SHEET), "is no store", STORE_FAILED),
    ],
)
def test_a_mistake_gives_one_clear_message(
    season: Path, tmp_path: Path, words: tuple[str, ...], message: str, code: int
) -> None:
    done = labctl(*(word.replace("STORE", str(season)).replace("NOWHERE", str(tmp_path / "none")) for word in words))
    assert done.exit_code == code, done.output
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.output


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    done = labctl(tmp_path, "anything")
    assert done.exit_code == LAB_FAILED
    assert "needs scikit-learn: pip install 'labctl[explain]'" in done.stderr


def test_too_few_samples_are_told_with_what_was_left_out(recorded_sample: tuple[Path, list[str]]) -> None:
    with pytest.raises(FileError, match=r"0 samples have it \(left out: .*\); at least 12 are needed"):
        explain(recorded_sample[0], "sheet_resistance")


def test_copies_are_one_quantity_named_for_the_one_nearest_to_a_cause(recorded_sample: tuple[Path, list[str]]) -> None:
    found = measured([recorded_sample[0]], "sheet_resistance", quality="bad")
    n = 20
    rng = np.random.default_rng(0)
    asked = rng.normal(size=n)
    columns = {
        "asrun.heat.furnace.temperature.mean": list(asked * 2 + 1),
        "asked.heat.temperature": list(asked),
        "ambient.heat.room_humidity": list(rng.normal(size=n)),
        "device.furnace.serial": ["A"] * 10 + ["B"] * 10,
        "fittings.heat.gas": ["air"] * n,
        "asked.heat.dwell": [30.0] * 18 + [60.0, 60.0],
    }
    made = type(found)("y", "", tuple("s" * n), rng.normal(size=n), columns, {}, ("heat",), {})
    distinct, cannot = influences(made)
    names = {one.name: one.kin for one in distinct}
    assert names["asked.heat.temperature"] == ("asrun.heat.furnace.temperature.mean",)
    assert set(names) == {"asked.heat.temperature", "ambient.heat.room_humidity", "device.furnace.serial = B"}
    assert cannot["asked.heat.dwell"] == "differs in 2 samples only"


@pytest.mark.slow
def test_by_chance_anything_is_named_about_as_often_as_stated() -> None:
    """Sixty times, forty quantities that do not matter: about 5 % of the times the strongest passes."""
    rng, named = np.random.default_rng(5), 0
    for _ in range(60):
        recipe = rng.normal(size=(30, 2))
        y = recipe[:, 0] + 0.5 * recipe[:, 0] * recipe[:, 1] + 0.1 * rng.normal(size=30)
        tested = SmoothModel(recipe, (y - y.mean()) / y.std()).test(rng.normal(size=(30, 40)), rng)
        named += bool(tested.p.min() <= 0.05)
    assert named <= 8  # 99.5 % of a binomial distribution


def test_a_weak_influence_is_seen_through_a_strong_recipe() -> None:
    rng = np.random.default_rng(6)
    recipe, hidden = rng.normal(size=(40, 2)), rng.normal(size=40)
    y = np.sin(recipe[:, 0]) + recipe[:, 0] * recipe[:, 1] + 0.1 * hidden + 0.02 * rng.normal(size=40)
    scale = y.std()
    model = SmoothModel(recipe, (y - y.mean()) / scale)
    assert model.test(hidden[:, None], rng).p[0] < 0.01
    slope, error = model.slope((hidden - hidden.mean()) / hidden.std())
    assert abs(slope * scale - 0.1 * hidden.std()) < 3 * error * scale
