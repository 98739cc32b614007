"""What a person sees of a sample's history: terminal, prompt, page, JSON."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO

import jsonschema_rs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from labctl.app._chart import chart, envelope, ticks_of
from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT, STORE_FAILED
from labctl.app._history_page import history_fragment, history_page
from labctl.app._history_view import HistoryView
from labctl.app._panels import panels_of, spans_of
from labctl.app._showing import when
from labctl.errors import StoreError
from labctl.records import SampleHistory, SampleRegistry, Value, history_json, sample_history
from labctl.store import Store


@pytest.fixture(scope="module")
def history(recorded_sample):
    folder, _ = recorded_sample
    with Store.read(folder) as store:
        return sample_history(store, "S-1")


def labctl(*words):
    return CliRunner().invoke(command_line, [str(word) for word in words], env={"COLUMNS": "100"})


def test_the_terminal_shows_the_summary_then_the_trouble_then_the_operations(recorded_sample):
    folder, uids = recorded_sample
    result = labctl("sample", "history", folder, "S-1")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert max(map(len, lines)) <= 100
    text = " ".join(result.output.split())
    places = [
        text.index(part)
        for part in (
            "S-1 suspect",
            "measure_sheet_resistance: sheet_resistance",
            "to look at",
            "probe_meter: calibration was due on 2023-10-01",
            "magnetron: fault 4",
            "2023-11-14 UTC",
            "sputter on sputter",
            "anneal on furnace_a",
            "T. Mori: tube looked [grey] <b>",
            "waited 0:16:40",
            uids[-1],
        )
    ]
    assert places == sorted(places)
    assert "proportional_band" not in text


def test_a_sample_is_where_somebody_put_it_since_then(recorded_sample, tmp_path):
    folder = shutil.copytree(recorded_sample[0], tmp_path / "store")
    with SampleRegistry(folder) as samples:
        samples.archive("S-1", "3", "12")
        (*_, stay) = samples.sample("S-1").stays
    shown = " ".join(labctl("sample", "history", folder, "S-1").output.split())
    assert f"where archive: 3, 12, since {when(stay.time)} UTC" in shown
    assert not when(stay.time).startswith("2023")


def test_full_shows_every_configuration_value(recorded_sample, history):
    folder, _ = recorded_sample
    result = labctl("sample", "history", folder, "S-1", "--full")
    text = "".join(result.output.split())
    for operation in history.operations:
        for device in operation.devices:
            for key, value in device.configuration.items():
                assert "".join(f"{key}{str(value) or '-'}".split()) in text
        for key, value in operation.before.items():
            assert "".join(f"{key}{str(value) or '-'}".split()) in text


def test_moves_take_one_line_and_a_failed_one_says_why(history):
    last = history.operations[-1]
    asked = {"source": Value("rack.1"), "destination": Value("probe.1")}
    moved = replace(last, kind="transfer", asked=asked, status="fail", reason="dropped")
    shown = repr(HistoryView(SampleHistory("S-1", (moved,))))
    (line,) = [line for line in shown.splitlines() if "rack.1 to probe.1," in line]
    assert "fail: dropped" in line


def test_an_ancestor_is_named_beside_its_operations(history):
    parent = SampleHistory("wafer-7", history.operations[:1])
    child = SampleHistory("S-1", history.operations[1:], ancestors=(parent,))
    assert "(wafer-7)" in repr(HistoryView(child))
    assert "(wafer-7)" in history_page(child)


def test_a_terminal_without_unicode_gets_no_bars(history):
    console = Console(file=StringIO(), width=100)
    options = console.options.copy()
    options.encoding = "ascii"
    text = "".join(segment.text for segment in console.render(HistoryView(history), options))
    assert not set("▁▂▃▄▅▆▇█") & set(text)
    assert set("▁▂▃▄▅▆▇█") & set(repr(HistoryView(history)))


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.ids, self.links, self.fetched = [], [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        self.tags.append(tag)
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.ids |= {told["id"]} if "id" in told else set()
        self.links += [told["href"]] if "href" in told else []
        self.fetched += [told[key] for key in ("src", "srcset") if key in told]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


def test_the_page_is_whole_in_itself(history):
    text = history_page(history)
    page = Page(text)
    assert page.open == []
    assert "script" not in page.tags
    assert page.fetched == [] and "url(" not in text and "@import" not in text
    assert not re.search(r"https?://", text)
    assert {link.removeprefix("#") for link in page.links} <= page.ids
    assert {operation.uid for operation in history.operations} <= page.ids
    assert "[grey] &lt;b&gt;" in text and "[grey] <b>" not in text


def test_the_page_has_a_picture_of_each_quantity_with_band_deviation_and_event(history):
    text = history_page(history)
    sputter, anneal = history.operations[:2]
    assert text.count('class="chart"') >= len(panels_of(sputter)) + len(panels_of(anneal))
    (temperature,) = [panel for panel in panels_of(anneal) if panel.bands]
    picture = chart(temperature, [(60.0, anneal.events[0])], 600, 300, 3000.0)
    for part in ('class="band"', 'class="outside"', 'class="event info"', 'class="asked"', 'class="read c0"'):
        assert part in picture


def test_the_page_says_what_failed_and_which_calibration_was_overdue(history):
    text = history_page(history)
    assert 'class="badge fail"' in text
    assert "magnetron: fault 4" in text
    assert re.search(r'<b class="alarm">overdue</b> calibrated 2022-11-20 by Keithley, was due 2023-10-01', text)


def test_a_notebook_gets_the_page_without_its_frame(history):
    text = HistoryView(history)._repr_html_()
    assert text == history_fragment(history)
    assert "<html" not in text


def test_the_plot_has_a_row_for_each_operation_with_readings_set_points_and_tolerance(history):
    import matplotlib.pyplot as plt

    figure = HistoryView(history).plot("anneal")
    try:
        (axes,) = [axes for axes in figure.axes if "temperature" in axes.get_title()]
        anneal = history.operations[1]
        drawn = {line.get_label(): line for line in axes.lines}
        trace = anneal.traces["furnace_a_control_temperature"]
        assert np.array_equal(drawn["temperature"].get_ydata(), trace.values)
        assert drawn["working_setpoint"].get_linestyle() == "--"
        assert len(axes.collections) == 1, "the tolerance"
        assert len(HistoryView(history).plot().axes) >= 3
    finally:
        plt.close("all")


def test_a_plot_of_an_operation_that_recorded_nothing_names_the_nearest(history):
    with pytest.raises(StoreError, match=r"no operation 'aneal' of S-1 recorded traces; did you mean 'anneal'\?"):
        HistoryView(history).plot("aneal")


def test_files_are_written_where_asked(recorded_sample, history, tmp_path):
    folder, _ = recorded_sample
    html, as_json = tmp_path / "a.html", tmp_path / "a.json"
    result = labctl("sample", "history", folder, "S-1", "--html", html, "--json", as_json)
    assert result.output.splitlines() == [str(html), str(as_json)]
    assert html.read_text(encoding="utf-8") == history_page(history)
    assert json.loads(as_json.read_text(encoding="utf-8")) == json.loads(json.dumps(history_json(history)))


def test_json_on_standard_output_fits_the_schema_that_labctl_prints(recorded_sample):
    folder, _ = recorded_sample
    told = labctl("sample", "history", folder, "S-1", "--json", "-")
    schema = labctl("schema", "history")
    jsonschema_rs.validator_for(json.loads(schema.output)).validate(json.loads(told.output))


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["S1"], BAD_INPUT, r"no sample 'S1' in .*; did you mean 'S-1'\?"),
        (["S-1", "--html", "{folder}/no/such/a.html"], STORE_FAILED, r".*/no/such/a.html: No such file or directory"),
        (["S-1", "--json", "{folder}"], STORE_FAILED, r".*: Is a directory"),
    ],
)
def test_a_mistake_is_one_line(recorded_sample, words, code, said):
    folder, _ = recorded_sample
    result = labctl("sample", "history", folder, *(word.format(folder=folder) for word in words))
    assert result.exit_code == code
    assert re.fullmatch(said, result.stderr.strip()), result.stderr


def test_a_folder_that_is_no_store_is_one_line(tmp_path):
    result = labctl("sample", "history", tmp_path, "S-1")
    assert result.exit_code == STORE_FAILED
    assert result.stderr.strip() == f"{tmp_path} is no store: store.json is missing"


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 10))
def test_ticks_are_few_and_within(low, span, most):
    high = low + span
    shown = ticks_of(low, high, most)
    slack = 1e-6 * max(span, abs(low), abs(high))
    assert len(shown) <= most + 2
    assert all(low - slack <= tick <= high + slack for tick in shown)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(3, 40))
def test_a_thinned_trace_keeps_its_extremes_and_its_ends(values, width):
    array = np.array(values)
    times, kept = envelope(np.arange(len(array)) * 1.0, array, width)
    assert len(kept) <= max(2 * width, 2)
    assert (kept[0], kept[-1], kept.min(), kept.max()) == (array[0], array[-1], array.min(), array.max())
    assert np.all(np.diff(times) > 0)


@given(st.lists(st.booleans(), min_size=1))
def test_spans_cover_exactly_where_something_held(holds):
    array = np.array(holds)
    spans = spans_of(array, np.arange(len(holds)) * 1.0)
    inside = [any(begin <= n <= end for begin, end in spans) for n in range(len(holds))]
    for n, held in enumerate(holds):
        near = any(holds[max(n - 1, 0) : n + 2])
        assert inside[n] if held else (inside[n] <= near)
