"""NeXus files, out and in again, and those of others."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import datetime

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.errors import FileError, StoreError
from labctl.exchange import FORMATS, export, gather_dossier, load, take_in, taken_records
from labctl.exchange._hdf5 import Reader, attribute
from labctl.exchange._nexus_values import add_group, add_log, add_value
from labctl.records import SampleRegistry, Trace, Value, operations_of
from labctl.store import Store

BASE_CLASSES = {
    "NXroot": ({"NXentry"}, set()),
    "NXentry": (
        {"NXuser", "NXsample", "NXinstrument", "NXprocess"},
        {
            *("title", "experiment_identifier", "experiment_description", "collection_identifier"),
            *("entry_identifier_uuid", "start_time", "end_time", "program_name"),
        },
    ),
    "NXuser": (set(), {"name", "role", "affiliation"}),
    "NXsample": ({"NXhistory"}, {"name", "type", "description"}),
    "NXhistory": ({"NXactivity"}, set()),
    "NXactivity": (set(), {"start_time", "end_time", "description"}),
    "NXlog": (set(), {"time", "value", "value_set"}),
    "NXinstrument": ({"NXactuator", "NXsensor"}, {"name"}),
    "NXactuator": ({"NXfabrication", "NXprogram"}, {"name", "description"}),
    "NXsensor": ({"NXfabrication", "NXprogram"}, {"name", "description"}),
    "NXfabrication": (set(), {"vendor", "model", "serial_number"}),
    "NXprogram": (set(), {"program"}),
    "NXprocess": (set(), {"program", "version"}),
    "NXnote": (set(), {"author", "date", "type", "file_name", "description", "data", "checksum", "algorithm"}),
}
"""Groups and fields of the base classes that are used, from the NeXus definitions v2026.01 (NXDL of each class)."""
ANYWHERE = {"NXcollection", "NXdata", "NXlog", "NXnote", "NXparameters"}
"""What NXobject, which every class extends, allows in each; also a field whose name begins with ``identifier``."""
FREE = {"NXcollection", "NXdata", "NXparameters"}
"""Classes whose fields may have any name."""


@pytest.fixture(scope="module")
def file(recorded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nexus")
    store = shutil.copytree(recorded, folder / "store")
    return export(gather_dossier(store, "S-1"), "nexus", folder / "s1.nxs")


@pytest.fixture(scope="module")
def history(recorded):
    with Store.read(recorded) as opened:
        return operations_of(opened, "S-1")


def test_everything_comes_back_as_it_was_recorded(file, history):
    record = load(FORMATS["nexus"]).read(file)
    assert [told.identifier for told in record.operations] == [operation.uid for operation in history]
    for told, operation in zip(record.operations, history, strict=True):
        assert told.parameters == operation.asked
        assert told.results == operation.results
        for when, row in (("before", operation.before), ("after", operation.after)):
            found = {key: value for key, value in told.conditions.items() if key.startswith(f"{when}.")}
            assert found == {f"{when}.{key}": value for key, value in row.items()}
        read = {f"readings.{key}": trace for key, trace in operation.readings.items()}
        for key, trace in {**operation.traces, **read}.items():
            assert told.data[key].unit == trace.unit
            assert told.data[key].values.tolist() == trace.values.tolist()
            assert told.data[f"{key}.time"].values.tolist() == trace.times_s.tolist()
        for device in operation.devices:
            about = f"instrument.{device.name}"
            assert told.conditions[f"{about}.fabrication.model"] == Value(device.model)
            for key, value in device.configuration.items():
                assert told.conditions[f"{about}.configuration.{key}"] == value
        assert told.instruments == (operation.station, *sorted(device.name for device in operation.devices))
        assert told.person == operation.operator
        assert told.status == {"success": "Completed", "fail": "Failed"}[operation.status]
        assert abs(datetime.fromisoformat(told.begin).timestamp() - operation.time) < 1e-3
        assert abs(datetime.fromisoformat(told.end).timestamp() - operation.end) < 1e-3
    assert record.samples == ("S-1",)
    assert (record.owner, record.licence, record.access) == ("example laboratory", "CC-BY-4.0", "open")


def test_units_are_those_that_everybody_knows(file):
    with h5py.File(file) as opened:
        flow = opened["run_0001/asked/argon_flow"]
        assert dict(flow.attrs) == {"units": "cm**3/min", "labctl_units": "sccm"}
        units = set()
        opened.visititems(lambda _, item: units.add(item.attrs.get("units", "")))
    assert "sccm" not in units and {"degC", "K/min", "nm", "W"} <= units


def test_a_sample_that_is_copied_alone_takes_its_history_along(file, history, tmp_path):
    with h5py.File(file) as opened, h5py.File(tmp_path / "theirs.nxs", "w") as theirs:
        add_group(theirs, "entry", "NXentry")
        opened.copy("dossier/sample_1", theirs["entry"])
    record = load(FORMATS["nexus"]).read(tmp_path / "theirs.nxs")
    assert [told.identifier for told in record.operations] == [operation.uid for operation in history]
    for told, operation in zip(record.operations, history, strict=True):
        assert (told.parameters, told.results) == (operation.asked, operation.results)
        assert set(operation.traces) <= set(told.data)


def test_set_points_stand_apart_from_what_was_read(file, history):
    with h5py.File(file) as opened:
        for number, operation in enumerate(history, 1):
            activity = opened[f"dossier/sample_1/history/run_{number:04}"]
            for key, trace in operation.traces.items():
                assert activity[key].attrs["NX_class"] == "NXlog"
                if trace.setpoint:
                    assert activity[key]["value_set"] == activity[trace.setpoint]["value"]
                    assert activity[key]["value"] != activity[trace.setpoint]["value"]
            kinds = {name: item.attrs["NX_class"] for name, item in opened[f"run_{number:04}/instrument"].items()
                     if isinstance(item, h5py.Group)}  # fmt: skip
            if operation.kind == "sputter":
                assert (kinds["magnetron"], kinds["argon"], kinds["quartz"]) == ("NXactuator", "NXactuator", "NXsensor")


def test_only_what_the_base_classes_have_is_in_the_file(file):
    with h5py.File(file) as opened:
        wrong, n_groups = [], 0

        def look(name, item):
            nonlocal n_groups
            kind = item.parent.attrs["NX_class"]
            groups, fields = BASE_CLASSES.get(kind, (set(), set()))
            if isinstance(item, h5py.Group):
                n_groups += 1
                allowed = groups | ANYWHERE
                if item.attrs["NX_class"] not in (allowed if kind != "NXroot" else groups):
                    wrong.append(f"{name}: {item.attrs['NX_class']} in {kind}")
            elif kind not in FREE and item.name.rpartition("/")[2] not in fields and "identifier" not in name:
                wrong.append(f"{name} in {kind}")
            if name.endswith("/name") and kind in FREE:
                wrong.append(f"{name}: nexusformat drops it")

        opened.visititems(look)
        assert wrong == []
        assert n_groups > 40
        assert opened.attrs["default"] == "dossier"
        signal = opened["run_0002"][opened["run_0002"].attrs["default"]]
        assert (
            signal[signal.attrs["signal"]]
            == opened["run_0002/sample/history/run_0002/furnace_a_control_temperature/value"]
        )


@given(
    st.text(min_size=1, max_size=12).filter(lambda key: "\0" not in key and key.isprintable()),
    st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.booleans(), st.text(max_size=9)),
)
def test_a_value_comes_back_by_its_own_name(key, number):
    value = Value(number.replace("\0", "") if isinstance(number, str) else number, "degC")
    with h5py.File("x", "w", driver="core", backing_store=False) as file:
        add_value(file, "name", Value(1))
        add_value(file, key, value)
        assert "name" not in file and len(file) == 2
        found = {attribute(item, "key") or name: item for name, item in file.items()}
        assert Reader(file).value(found[key]) == value.value
        assert attribute(found[key], "units") == "degC"
        assert isinstance(found[key][()], np.bool_) == isinstance(number, bool)


@pytest.mark.parametrize("values", [[], [1.5], [np.nan, -np.inf, 1e-300], ["a, b", "é", ""]])
def test_a_trace_of_any_length_comes_back(tmp_path, values):
    column = np.array(values, object if values[:1] == ["a, b"] else float)
    trace = Trace("x", "K/min", np.arange(len(values)) / 3, column)
    with h5py.File(tmp_path / "x.nxs", "w") as file:
        entry = add_group(file, "e", "NXentry")
        add_group(entry, "data", "NXdata")
        add_log(entry, trace, 1.7e9)
    (operation,) = load(FORMATS["nexus"]).read(tmp_path / "x.nxs").operations
    np.testing.assert_array_equal(operation.data["x"].values, column)
    np.testing.assert_array_equal(operation.data["x.time"].values, trace.times_s)
    assert operation.data["x"].unit == "K/min"


def test_two_samples_of_one_load_share_what_was_done(store, tmp_path):
    with SampleRegistry(store) as registry:
        registry.combine(["S-1", "S-2"], "S-12")
    made = export(gather_dossier(store, "S-12"), "nexus", tmp_path / "both.nxs")
    with h5py.File(made) as opened:
        names = [opened[f"dossier/sample_{n}/name"].asstr()[()] for n in (1, 2, 3)]
        assert set(names[:2]) == {"S-1", "S-2"} and names[2] == "S-12"
        assert opened["dossier/sample_1/history/run_0002"] == opened["dossier/sample_2/history/run_0002"]
        parents = [opened[f"dossier/sample_3/identifier_parent_{n}"].asstr()[()] for n in (1, 2)]
        assert sorted(parents) == ["S-1", "S-2"]
    record = load(FORMATS["nexus"]).read(made)
    assert len(record.operations) == 4 and set(record.samples) == {"S-1", "S-2", "S-12"}


def test_a_photograph_is_in_the_file_and_a_changed_one_does_not_leave(store, tmp_path):
    photograph = tmp_path / "crack.png"
    photograph.write_bytes(b"\x89PNG\0\r\n")
    with SampleRegistry(store, "K. Sato") as registry:
        registry.attach("S-2", photograph, kind="photograph", note="left edge")
        kept = registry.sample("S-2").attachments[0]
    made = export(gather_dossier(store, "S-2"), "nexus", tmp_path / "s2.nxs", role="owner")
    with h5py.File(made) as opened:
        note = opened["dossier/sample_1/attachment_1"]
        assert note["data"][()].tobytes() == b"\x89PNG\0\r\n"
        assert (note["checksum"].asstr()[()], note["author"].asstr()[()]) == (kept.checksum, "K. Sato")
    kept.path.write_bytes(b"other")
    with pytest.raises(StoreError, match=r"attachment crack.png was changed"):
        export(gather_dossier(store, "S-2"), "nexus", tmp_path / "again.nxs", role="owner")


@pytest.fixture
def foreign(tmp_path):
    """A file as another site's programs write them, with traps."""
    (tmp_path / "secret.h5").touch()
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["entry/secret"] = np.arange(3.0)
    (tmp_path / "passwd").write_bytes(b"root:x:0")
    path = tmp_path / "scan 7.nxs"
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry1")
        entry.attrs["NX_class"] = np.bytes_("NXentry")
        entry["title"] = np.array([b"theta scan"])
        entry["experiment_identifier"] = "cm-4711"
        entry["start_time"], entry["end_time"] = b"2026-05-01T10:00:00+02:00", b"2026-05-01T10:20:00+02:00"
        for name, kind in (("user", "NXuser"), ("film", "NXsample"), ("I07", "NXinstrument"), ("plot", "NXdata")):
            entry.create_group(name).attrs["NX_class"] = kind
        entry["user/name"], entry["film/name"] = "S. Weber", np.array(b"ITO film", "S12")
        entry["film/temperature"] = np.array([300.5])
        entry["film/temperature"].attrs["units"] = b"K"
        detector = entry.create_group("I07/pilatus")
        detector.attrs["NX_class"] = "NXdetector"
        detector["data"] = np.arange(6).reshape(2, 3)
        detector["data"].attrs["units"] = "counts"
        entry["plot/data"] = detector["data"]
        entry["plot/again"] = h5py.SoftLink("/entry1/I07/pilatus/data")
        entry["plot/round"] = h5py.SoftLink("/entry1/plot/round")
        entry["plot/nowhere"] = h5py.SoftLink("/entry1/gone")
        entry["loop"] = file["/"]
        entry["I07/far"] = h5py.ExternalLink("secret.h5", "/entry")
        entry["I07/sly"] = h5py.SoftLink("/entry1/I07/far/secret")
        layout = h5py.VirtualLayout((3,), float)
        layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "entry/secret", (3,))
        detector.create_virtual_dataset("virtual", layout)
        detector.create_dataset("raw", (8,), np.uint8, external=[(tmp_path / "passwd", 0, 8)])
        detector["pair"] = np.zeros(2, [("a", float), ("b", int)])
        detector["reference"] = entry.ref
        history = entry.create_group("film/history")
        history.attrs["NX_class"] = "NXhistory"
        activity = history.create_group("polish")
        activity.attrs["NX_class"] = "NXactivity"
        activity["description"], activity["start_time"] = "polished", "2026-04-30T09:00:00+02:00"
        activity["force"] = 12.5
        activity["force"].attrs["units"] = "N"
    return path


def test_a_file_from_elsewhere_is_tied_to_a_sample(store, foreign):
    record = load(FORMATS["nexus"]).read(foreign)
    polish, scan = record.operations
    assert (record.title, record.identifier, record.samples) == ("theta scan", "cm-4711", ("ITO film",))
    assert (scan.name, scan.identifier, scan.person) == ("theta scan", "cm-4711", "S. Weber")
    assert (scan.begin, scan.end) == ("2026-05-01T10:00:00+02:00", "2026-05-01T10:20:00+02:00")
    assert scan.conditions["film.temperature"] == Value(300.5, "K")
    assert scan.instruments == ("pilatus",)
    assert (polish.name, polish.conditions) == ("polished", {"force": Value(12.5, "N")})
    counts = scan.data["I07.pilatus.data"]
    assert (counts.unit, counts.values.tolist()) == ("counts", [[0, 1, 2], [3, 4, 5]])
    take_in(foreign, store, "S-1", access="open")
    (taken,) = taken_records(store, "S-1")
    assert list(taken.files) == ["scan 7.nxs"]
    assert taken.record.operations[1].conditions == scan.conditions


def test_nothing_outside_the_file_is_read(foreign):
    _, scan = load(FORMATS["nexus"]).read(foreign).operations
    assert list(scan.data) == ["I07.pilatus.data"]
    assert {name.rpartition("/")[2] for name in scan.files} == {"secret.h5", "passwd"}
    assert not any("secret" in name or "far" in name for name in scan.conditions)


def test_arrays_beyond_what_memory_can_bear_stay_in_the_file(foreign, monkeypatch):
    monkeypatch.setattr("labctl.exchange._hdf5.MOST_BYTES", 100)
    _, scan = load(FORMATS["nexus"]).read(foreign).operations
    assert scan.data == {} and scan.conditions["film.temperature"] == Value(300.5, "K")
    monkeypatch.setattr("labctl.exchange._hdf5.MOST_OBJECTS", 10)
    with pytest.raises(FileError, match="it holds more than 10 objects"):
        load(FORMATS["nexus"]).read(foreign)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as NeXus"),
        (b"PK nothing", "cannot be read as NeXus"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "cannot be read as NeXus"),
    ],
    ids=["empty", "zip", "head only"],
)
def test_what_is_no_nexus_file_is_told_in_one_line(store, tmp_path, content, message):
    path = tmp_path / "a.nxs"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message) as caught:
        take_in(path, store, "S-1")
    assert len(str(caught.value).splitlines()) == 1 and str(path) in str(caught.value)
    assert taken_records(store, "S-1") == []


def test_hdf5_without_an_entry_is_no_nexus(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FileError, match="it has no NXentry"):
        load(FORMATS["nexus"]).read(tmp_path / "a.h5")


READ = """
import sys
from pathlib import Path
from labctl.errors import FileError
from labctl.exchange import FORMATS, load
for path in sorted(Path(sys.argv[1]).glob("*.nxs")):
    path.rename(path.with_suffix(".read"))
    try:
        load(FORMATS["nexus"]).read(path.with_suffix(".read"))
    except FileError as error:
        assert len(str(error).splitlines()) == 1
        print("refused")
"""


def test_a_file_cut_or_spoilt_anywhere_gives_a_record_or_one_line(file, tmp_path):
    """In a process of its own: libhdf5 itself now and then dies of a spoilt file, where no Python can help."""
    whole = file.read_bytes()
    random = np.random.default_rng(7)
    folder = tmp_path / "spoilt"
    folder.mkdir()
    for n in range(12):
        spoilt = bytearray(whole[: int(len(whole) * random.random())] if n % 2 else whole)
        for place in random.integers(0, max(len(spoilt), 1), 60):
            if len(spoilt):
                spoilt[place] ^= 0xFF
        (folder / f"{n:02}.nxs").write_bytes(spoilt)
    n_refused = n_died = 0
    while list(folder.glob("*.nxs")):
        done = subprocess.run([sys.executable, "-c", READ, folder], capture_output=True, text=True, check=False)
        assert done.returncode <= 0, done.stderr
        n_died += done.returncode < 0
        n_refused += done.stdout.count("refused")
    assert n_died <= 1
    assert n_refused > 0


def test_our_own_file_finds_its_sample_by_itself(store, file):
    taken = take_in(file, store)
    assert taken.sample == "S-1"
    assert [operation.name.split()[0] for operation in taken.record.operations] == [
        *("sputter", "anneal", "measure_sheet_resistance", "sputter"),
    ]
