"""Finding samples and runs by what was recorded."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.errors import FileError, StoreError
from labctl.records import known_facts, nearest, same_composition, search
from labctl.records._facts import Fact
from labctl.records._facts_index import FILE, FactsIndex
from labctl.records._facts_of_samples import RunFacts
from labctl.records._query import conditions_of, parse_query
from labctl.store import Store

Made = tuple[str, float, str, float, str]
BEGIN = 1_767_225_600.0  # 2026-01-01
SAMPLES: dict[str, Made] = {  # station, temperature [degC], status, resistance [ohm], target
    "S-1": ("furnace_a", 300.0, "success", 40.0, "ITO"),
    "S-2": ("furnace_b", 350.0, "success", 30.0, "ITO"),
    "S-3": ("furnace_a", 400.0, "success", 20.0, "ZnO"),
    "S-4": ("furnace_b", 450.0, "success", 10.0, "ITO"),
    "S-5": ("furnace_a", 500.0, "fail", 0.0, "ITO"),
}


def runs_of(number: int, sample: str, made: Made) -> list[RunFacts]:
    station, temperature, status, resistance, target = made
    time = BEGIN + 86400.0 * number
    device = f"{station}_control"
    heat = (
        *_about(f"{sample}-heat", "anneal", "heat", station, status, time),
        Fact("asked.heat.temperature", temperature, "degC"),
        Fact(f"asrun.heat.{device}_temperature.max", temperature + 5, "degC"),
        Fact("role.heat.furnace", device),
        Fact("composition.heat", target),
    )
    look = (
        *_about(f"{sample}-look", "measure", "look", "probe", "success", time + 3600),
        Fact("result.look.resistance", resistance, "ohm"),
        Fact("quality.note", "edge chipped and dirty"),
    )
    runs = [RunFacts(f"{sample}-heat", sample, (Fact("sample", sample), *heat))]
    return [*runs, RunFacts(f"{sample}-look", sample, (Fact("sample", sample), *look))] if resistance else runs


def _about(run: str, kind: str, operation: str, station: str, status: str, time: float) -> tuple[Fact, ...]:
    texts = {"run": run, "kind": kind, "operation": operation, "station": station, "status": status, "quality": "good"}
    return (*(Fact(*pair) for pair in texts.items()), Fact("time", time, "UTC"), Fact("duration", 600.0, "s"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose index of facts was written by hand."""
    there = tmp_path_factory.mktemp("search") / "store"
    with Store.open(there):
        pass
    index = FactsIndex(there / FILE)
    index.prepare()
    index.add([entry for n, (name, made) in enumerate(SAMPLES.items()) for entry in runs_of(n, name, made)])
    return there


def found(folder: Path, query: str) -> str:
    """Return the numbers of the samples that are found."""
    return "".join(name.removeprefix("S-") for name in search(folder, query)["sample"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "12345"),
        ("asked.heat.temperature > 350 degC", "345"),
        ("asked.heat.temperature >= 350 degC", "2345"),
        ("asked.heat.temperature > 623.15 K", "345"),
        ("asked.heat.temperature = 623.15 K", "2"),
        ("asked.heat.temperature != 350 degC", "1345"),
        ("asked.heat.temperature<350degC", "1"),
        ("result.look.resistance <= 0.02 kohm", "34"),
        ("result.look.resistance != 20 ohm", "124"),
        ("not result.look.resistance = 20 ohm", "1245"),
        ("has result.look.resistance", "1234"),
        ("not has result.look.resistance", "5"),
        ("station = furnace_a", "135"),
        ("station != furnace_a", "24"),
        ("station = probe", "1234"),
        ("station ~ FURNACE", "12345"),
        ("station = furnace", ""),
        ("station.heat = furnace_b", "24"),
        ("status = success", "1234"),
        ("operation = heat and status = fail", "5"),
        ("run = S-3-heat", "3"),
        ("asrun.heat.*temperature.max > 400 degC", "345"),
        ("time > 2026-01-02", "345"),
        ("time >= 2026-01-02", "2345"),
        ("time = 2026-01-02", "2"),
        ("time <= 2026-01-02", "12"),
        ("time < 2026-01-02", "1"),
        ("time > 2026-01-02T00:00", "345"),
        ("time >= 2026-01-02T09:00+09:00", "2345"),
        ("quality.note ~ 'chipped and'", "1234"),
        ('quality.note = "edge chipped and dirty"', "1234"),
        ("station = furnace_a and asked.heat.temperature > 350 degC or sample = S-2", "235"),
        ("station = furnace_a and (asked.heat.temperature > 350 degC or sample = S-1)", "135"),
        ("NOT (station = furnace_a OR sample = S-2)", "4"),
        ("not not sample = S-2", "2"),
        ("asked.heat.temperature > 350 degC and asked.heat.temperature < 500 degC and status = success", "34"),
    ],
)
def test_a_query_finds_what_it_says(folder: Path, query: str, expected: str) -> None:
    assert found(folder, query) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("asked.heat.temperature > 350", "character 26: asked.heat.temperature: '350' has no unit; write '350 degC'"),
        ("asked.heat.temperature > 350 nm", "character 26: asked.heat.temperature: 350 nm cannot be given in degC"),
        ("asked.heat.temperature > hot", "character 26: asked.heat.temperature: 'hot' is not a number with a unit"),
        ("asked.heat.temperature > 3 degX", "character 26: asked.heat.temperature: 'degX' is not a unit"),
        ("asked.heat.temperature ~ 35", "character 26: asked.heat.temperature: is a number in degC; ~ looks for"),
        ("station = a and asked.heat.temprature > 3 K", "character 17: unknown key 'asked.heat.temprature'; did you"),
        ("resistance = 3 ohm", "character 1: unknown key 'resistance'; "),
        ("zzz = 3", "character 1: unknown key 'zzz'; see: labctl records facts"),
        ("nothing.* = 3", "character 1: no key fits 'nothing.*'"),
        ("duration.heat.x = 3", "character 1: unknown key 'duration.heat.x'; did you mean 'duration.heat'?"),
        ("time > yesterday", "character 8: time: 'yesterday' is not a time such as 2026-03-01"),
        ("station", "the end: expected = != < <= > >= ~ after 'station'"),
        ("station =", "the end: expected a value after 'station ='"),
        ("station = and status = fail", "character 11: expected a value after 'station =', not 'and'"),
        ("station = a or", "the end: expected a key"),
        ("(station = a", "the end: expected ')'"),
        ("station = a)", "character 12: unexpected ')': there is no '(' to it"),
        ("station = 'a", "character 11: the quotation does not end"),
        ("station ! a", "character 9: unexpected '!'"),
        ("station = 'a' b", "character 15: unexpected 'b': expected 'and', 'or' or the end"),
        ("(" * 60 + "a = b", "character 51: is more than 50 levels deep"),
        (" and ".join(["sample = a"] * 201), "there are more than 200 conditions"),
    ],
)
def test_a_mistake_gives_one_line_with_its_place(folder: Path, query: str, message: str) -> None:
    with pytest.raises(FileError) as raised:
        search(folder, query)
    assert str(raised.value).startswith("query: ")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.text(alphabet="ab=<>!~()'\" *.3KandorthsNOT\n", max_size=60))
def test_any_text_is_a_query_or_a_clear_error(text: str) -> None:
    try:
        query = parse_query(text)
    except FileError as error:
        assert len(error.problems) == 1
    else:
        assert all(condition.key for condition in conditions_of(query))


def test_columns_have_units_and_rows_are_in_the_order_of_time(folder: Path) -> None:
    table = search(folder, "asked.heat.temperature > 350 degC", columns=["asked.*", "result.look.resistance"])
    assert list(table.columns) == ["sample", "time", "status", "asked.heat.temperature", "result.look.resistance"]
    units = {"time": "UTC", "asked.heat.temperature": "degC", "result.look.resistance": "ohm"}
    assert table.attrs["units"] == units
    assert table["asked.heat.temperature"].tolist() == [400.0, 450.0, 500.0]
    assert table["result.look.resistance"].tolist()[:2] == [20.0, 10.0] and table["result.look.resistance"].isna()[2]
    assert table["time"].iloc[0] == pd.Timestamp("2026-01-03", tz="UTC")


def test_by_run_each_run_is_judged_alone(folder: Path) -> None:
    table = search(folder, "station = furnace_a", by="run")
    assert table["run"].tolist() == ["S-1-heat", "S-3-heat", "S-5-heat"]
    assert search(folder, "station = furnace_a and has result.look.resistance", by="run").empty
    with pytest.raises(FileError, match="is a fact of whole samples only; search by sample"):
        search(folder, "status.heat = success", by="run")


def test_conditions_may_be_keyword_arguments(folder: Path) -> None:
    table = search(folder, station="furnace_a", asked__heat__temperature="> 350 degC")
    assert table["sample"].tolist() == ["S-3", "S-5"]
    assert search(folder, "status = fail", station__heat="furnace_a")["sample"].tolist() == ["S-5"]
    assert search(folder, time=date(2026, 1, 2))["sample"].tolist() == ["S-2"]
    with pytest.raises(FileError, match=r"query: asked\.heat\.temperature: .*has no unit"):
        search(folder, asked__heat__temperature=350)


def test_an_unknown_column_is_refused(folder: Path) -> None:
    with pytest.raises(FileError, match=r"query: columns: unknown key 'asked\.heat\.temprature'; did you mean"):
        search(folder, columns=["asked.heat.temprature"])


def test_several_stores_are_searched_at_once_in_one_unit(folder: Path, tmp_path: Path) -> None:
    with Store.open(tmp_path / "other"):
        pass
    index = FactsIndex(tmp_path / "other" / FILE)
    index.prepare()
    heat = (*_about("X", "anneal", "heat", "furnace_x", "success", BEGIN + 1), Fact("sample", "X-1"))
    index.add([RunFacts("X", "X-1", (*heat, Fact("asked.heat.temperature", 773.15, "K"), Fact("only.here", 1.0)))])
    table = search([folder, tmp_path / "other"], "asked.heat.temperature > 480 degC")
    assert table["sample"].tolist() == ["X-1", "S-5"]
    assert table["store"].tolist() == [str(tmp_path / "other"), str(folder)]
    assert table["asked.heat.temperature"].tolist() == pytest.approx([500.0, 500.0])
    assert search([folder, tmp_path / "other"], "only.here = 1")["sample"].tolist() == ["X-1"]
    with pytest.raises(FileError, match="unknown key 'nowhere'"):
        search([folder, tmp_path / "other"], "nowhere = 1")


def test_what_can_be_searched_for_is_told(folder: Path) -> None:
    facts = {fact.key: fact for fact in known_facts(folder)}
    assert (facts["result.look.resistance"].unit, facts["result.look.resistance"].n) == ("ohm", 4)
    assert "station.heat" not in {fact.key for fact in known_facts(folder, by="run")}


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no store"):
        search(tmp_path)


def test_the_nearest_process_comes_first_whatever_the_station(folder: Path) -> None:
    table = nearest(folder, "S-3", 2)
    assert set(table["sample"]) == {"S-2", "S-4"}, "S-1 and S-5 were heated on the same furnace, but otherwise"
    assert table["distance"].is_monotonic_increasing
    assert "asked.heat.temperature 400 -> " in table["differs"][0]
    assert "asrun.heat.furnace.temperature.max 405 -> " in table["differs"][0], "by role, not by device"
    temperatures = [300.0, 350.0, 450.0, 500.0]
    scale = 100.0 / 1.349
    expected = sorted(abs(t - 400.0) / scale for t in temperatures)
    assert nearest(folder, "S-3", by=["asked"])["distance"].tolist() == pytest.approx(expected)


def test_another_composition_is_left_out(folder: Path) -> None:
    table = same_composition(folder, "S-2", columns=["result.look.resistance"])
    assert table["sample"].tolist() == ["S-1", "S-4", "S-5"]
    assert set(table["composition"]) == {"ITO"}
    assert table["result.look.resistance"].tolist()[:2] == [40.0, 10.0]
    assert table.attrs["units"]["result.look.resistance"] == "ohm"


def test_a_missing_sample_or_composition_is_told(folder: Path, recorded_sample: tuple[Path, list[str]]) -> None:
    with pytest.raises(StoreError, match=r"no run names sample 'S-33' in .*; did you mean 'S-3'\?"):
        nearest(folder, "S-33")
    with pytest.raises(StoreError, match="the composition of S-2 was not recorded"):
        same_composition(recorded_sample[0], "S-2")
    with pytest.raises(ValueError, match="by is asked or asrun"):
        nearest(folder, "S-3", by=["result"])


def test_real_records_are_found(recorded_sample: tuple[Path, list[str]], tmp_path: Path) -> None:
    copy = tmp_path / "store"
    shutil.copytree(recorded_sample[0], copy)
    hot = search(copy, "asrun.anneal.*_temperature.max > 390 K and asked.anneal.dwell = 120 s")
    assert hot["sample"].tolist() == ["S-1", "S-2"]
    assert search(copy, "status = fail")["sample"].tolist() == ["S-1"]
    assert search(copy, "events.anneal.messages ~ 'tube looked'", by="run")["sample"].tolist() == ["S-1", "S-2"]
    failed = search(copy, "kind = sputter and not status = success", by="run")
    assert failed["run"].tolist() == [recorded_sample[1][-1]]
