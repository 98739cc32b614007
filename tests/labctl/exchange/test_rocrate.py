"""Research objects, out and in again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from labctl.errors import FileError, LabError, StoreError
from labctl.exchange import (
    FORMATS,
    export,
    gather_dossier,
    load,
    make_store,
    take_in,
    taken_records,
)
from labctl.exchange._trace_table import read_trace_table
from labctl.records import SampleRegistry, history_json, operations_of, sample_history
from labctl.store import Store, verify

ENDED = {"success": "Completed", "fail": "Failed", "abort": "Failed"}


@pytest.fixture
def crate(store, tmp_path):
    return export(gather_dossier(store, "S-1"), "rocrate", tmp_path / "crate")


def entities_of(crate):
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    assert len({entity["@id"] for entity in graph}) == len(graph)
    return {entity["@id"]: entity for entity in graph}


def ids_in(value):
    if isinstance(value, dict):
        return [value["@id"]] if set(value) == {"@id"} else [i for entry in value.values() for i in ids_in(entry)]
    return [i for entry in value for i in ids_in(entry)] if isinstance(value, list) else []


def test_every_reference_within_the_crate_leads_somewhere(crate):
    entities = entities_of(crate)
    named = {i for entity in entities.values() for i in ids_in({k: v for k, v in entity.items() if k != "@id"})}
    assert {name for name in named if name.startswith("#") or "/" in name} - set(entities) <= {
        "https://w3id.org/ro/crate/1.1"
    }
    for name in entities:
        if name.partition("/")[0] in ("documents", "traces", "attachments"):
            assert (crate / name).is_file()


def test_the_actions_say_what_was_recorded(store, crate):
    record = load(FORMATS["rocrate"]).read(crate)
    with Store.read(store) as opened:
        history = operations_of(opened, "S-1")
    assert [operation.identifier for operation in record.operations] == [operation.uid for operation in history]
    for told, operation in zip(record.operations, history, strict=True):
        assert told.parameters == operation.asked
        assert told.results == operation.results
        assert told.status == ENDED[operation.status]
        assert told.person == operation.operator
        assert told.instruments == ("labctl", *(device.name for device in operation.devices))
    assert record.samples == ("S-1",)
    assert (record.owner, record.licence) == ("example laboratory", "CC-BY-4.0")


def test_every_run_leaves_its_sample_in_another_state(crate):
    entities = entities_of(crate)
    actions = [entities[i] for i in ids_in(entities["./"]["mentions"])]
    before = [[i for i in ids_in(action["object"]) if "-state-" in i] for action in actions]
    after = [[i for i in ids_in(action["result"]) if "-state-" in i] for action in actions]
    assert before == [[f"#sample-S-1-state-{n}"] for n in range(len(actions))]
    assert after == [[f"#sample-S-1-state-{n + 1}"] for n in range(len(actions))]


def test_devices_are_told_with_serial_number_firmware_and_calibration(store, crate):
    with Store.read(store) as opened:
        devices = {device.name: device for op in operations_of(opened, "S-1") for device in op.devices}
    entities = entities_of(crate)
    for device in devices.values():
        entity = entities[f"#device-{device.name}"]
        assert entity.get("serialNumber", "") == device.serial
        assert entity["softwareVersion"] == device.firmware
        told = {entities[i]["name"]: entities[i]["value"] for i in ids_in(entity.get("additionalProperty", []))}
        assert told.get("calibration date", "") == device.calibration.date


def test_traces_read_back_exactly_with_their_units(store, crate):
    with Store.read(store) as opened:
        history = operations_of(opened, "S-1")
    n_compared = 0
    for operation in history:
        for stream, traces in (("process", operation.traces), ("primary", operation.readings)):
            if traces:
                columns = read_trace_table((crate / "traces" / f"{operation.uid}-{stream}.csv").read_text())
                assert list(columns)[1:] == list(traces)
                for key, trace in traces.items():
                    assert columns[key].unit == trace.unit
                    assert columns[key].values.tolist() == trace.values.tolist()
                    n_compared += 1
    assert n_compared > 20


def test_what_is_no_number_reads_back_too():
    from labctl.exchange._trace_table import trace_table
    from labctl.records import Trace

    times = np.array([0.0, 0.1, 1 / 3])
    table = trace_table([Trace("x", "degC", times, np.array([np.nan, -np.inf, 1e-300])),
                         Trace("note", "", times, np.array(['a, "b"', "line\nline", "é"], object))])  # fmt: skip
    read = read_trace_table(table)
    np.testing.assert_array_equal(read["time"].values, times)
    np.testing.assert_array_equal(read["x"].values, [np.nan, -np.inf, 1e-300])
    assert read["note"].values.tolist() == ['a, "b"', "line\nline", "é"]


@pytest.mark.parametrize("ending", ["", ".zip"])
def test_a_store_made_from_the_crate_has_equal_histories(store, tmp_path, ending):
    made = export(gather_dossier(store, "S-1"), "rocrate", tmp_path / f"crate{ending}")
    n_runs = make_store(made, tmp_path / "again")
    assert verify(tmp_path / "again").ok
    with Store.read(store) as first, Store.read(tmp_path / "again") as second:
        assert n_runs == len(second.runs()) == len(first.runs(sample="S-1"))
        assert second.name == "ito-line"
        assert history_json(sample_history(second, "S-1")) == history_json(sample_history(first, "S-1"))
        for run in second.runs():
            assert list(second.run(run.uid).documents()) == list(first.run(run.uid).documents())


def test_a_changed_document_makes_another_history(store, crate, tmp_path):
    changed = 0
    for file in (crate / "documents").iterdir():
        text, n = re.subn(r'("sheet_resistance": )(\d)', r"\g<1>1\2", file.read_text(), count=1)
        file.write_text(text)
        changed += n
    assert changed > 0
    make_store(crate, tmp_path / "again")
    with Store.read(store) as first, Store.read(tmp_path / "again") as second:
        assert history_json(sample_history(second, "S-1")) != history_json(sample_history(first, "S-1"))


@pytest.mark.slow
def test_the_crate_holds_to_the_profile(crate, oracle):
    import rocrate

    context = f"{rocrate.__path__[0]}/data/ro-crate.jsonld"  # the validator's own is on the web
    assert oracle("oracle_rocrate.py", crate, context, "REQUIRED") == "passed\n"
    file = crate / "ro-crate-metadata.json"
    file.write_text(file.read_text().replace('"instrument"', '"tool"'))
    told = oracle("oracle_rocrate.py", crate, context, "REQUIRED")
    assert "The Action MUST have an instrument" in told and told.endswith("failed\n")


FOREIGN = {
    "@context": "https://w3id.org/ro/crate/1.1/context",
    "@graph": [
        {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}},
        {
            "@id": "./",
            "@type": "Dataset",
            "name": "Beam time 42",
            "author": {"@id": "#ring"},
            "license": {"@id": "https://spdx.org/licenses/CC0-1.0"},
            "hasPart": [{"@id": "scan%201.txt"}, {"@id": "https://example.org/big.h5"}, {"@id": "../../secret"}],
        },
        {"@id": "#ring", "@type": "Organization", "name": "A light source"},
        {"@id": "scan%201.txt", "@type": ["File", "Thing"], "encodingFormat": ["text/plain", {"@id": "#x"}]},
        {"@id": "https://example.org/big.h5", "@type": "File"},
        {"@id": "../../secret", "@type": "File"},
        {"@id": "/etc/passwd", "@type": "File"},
        {"@id": "#energy", "@type": "PropertyValue", "name": "energy", "value": 8047.8, "unitText": "eV"},
        {"@id": "#sample", "@type": "Product", "name": "film"},
        {
            "@id": "#scan",
            "@type": "CreateAction",
            "name": "diffraction",
            "startTime": "2026-05-01T10:00:00+02:00",
            "instrument": {"@id": "#missing"},
            "object": [{"@id": "#energy"}, {"@id": "#sample"}],
            "result": {"@id": "scan%201.txt"},
            "agent": "somebody",
        },
    ],
}


@pytest.fixture
def foreign(tmp_path):
    """A crate that another program wrote, with traps."""
    folder = tmp_path / "beam"
    folder.mkdir()
    (tmp_path / "secret").write_text("not theirs")
    (folder / "scan 1.txt").write_text("2theta counts\n")
    (folder / "ro-crate-metadata.json").write_text(json.dumps(FOREIGN))
    return folder


def test_a_crate_from_elsewhere_is_tied_to_a_sample(store, foreign):
    taken = take_in(foreign, store, "S-1", by="K. Sato")
    (again,) = taken_records(store, "S-1")
    assert again == taken
    assert taken_records(store, "S-2") == []
    (operation,) = again.record.operations
    assert (operation.name, operation.person, operation.begin) == (
        "diffraction",
        "somebody",
        "2026-05-01T10:00:00+02:00",
    )
    assert {name: str(value) for name, value in operation.parameters.items()} == {"energy": "8047.8 eV"}
    assert again.record.title == "Beam time 42"
    assert again.record.samples == ("film",)
    assert (again.policy.access, again.policy.owner, again.policy.licence) == ("closed", "A light source", "CC0-1.0")
    assert list(again.files) == ["scan 1.txt"]
    with SampleRegistry(store) as registry:
        assert registry.attachment(again.files["scan 1.txt"]).read_text() == "2theta counts\n"
        assert {(entry.name, entry.kind, entry.by) for entry in registry.sample("S-1").attachments} == {
            ("scan 1.txt", "foreign file", "K. Sato"),
            ("rocrate-record.json", "foreign record", "K. Sato"),
        }


def test_what_was_taken_in_goes_out_again_with_the_sample(store, foreign, tmp_path):
    take_in(foreign, store, "S-1", access="open")
    crate = export(gather_dossier(store, "S-1"), "rocrate", tmp_path / "crate")
    (file,) = (crate / "attachments" / "S-1").glob("*-scan*")
    assert file.read_text() == "2theta counts\n"
    record = load(FORMATS["rocrate"]).read(crate)
    assert any(file.name.startswith("attachments/S-1/") for file in record.files)


def test_a_kept_file_that_was_changed_does_not_leave(store, foreign, tmp_path):
    taken = take_in(foreign, store, "S-1", access="open")
    kept = store / "attachments" / taken.files["scan 1.txt"]
    kept.write_text("other counts\n")
    with pytest.raises(StoreError, match=r"attachment scan 1.txt was changed"):
        export(gather_dossier(store, "S-1"), "rocrate", tmp_path / "crate")
    kept.unlink()
    with pytest.raises(StoreError, match=r"attachment scan 1.txt is gone"):
        export(gather_dossier(store, "S-1"), "rocrate", tmp_path / "crate")
    assert not (tmp_path / "crate").exists()


def test_a_crate_of_ours_finds_its_sample_by_itself(store, crate):
    assert take_in(crate, store).sample == "S-1"


def test_a_crate_that_names_no_sample_of_ours_asks_for_one(store, foreign):
    with pytest.raises(FileError, match="names film; say with --sample which one here it is"):
        take_in(foreign, store)
    with pytest.raises(LabError, match=r"no sample 'S-11' in .*; did you mean 'S-1'"):
        take_in(foreign, store, "S-11")
    assert taken_records(store, "S-1") == []


def test_a_crate_from_elsewhere_makes_no_store(foreign, tmp_path):
    with pytest.raises(FileError, match="has no documents of runs"):
        make_store(foreign, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "is no RO-Crate: ro-crate-metadata.json is missing"),
        (lambda file: file.write_text("{"), "cannot be read"),
        (lambda file: file.write_text("[" * 100_000), "cannot be read"),
        (lambda file: file.write_text("[1]"), "is no JSON object"),
        (lambda file: file.write_text("{}"), "has no @graph"),
        (lambda file: file.write_text('{"@graph": [1, {"@id": 2}]}'), "describes no root data set"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "cannot be read"),
    ],
    ids=["missing", "half", "deep", "list", "empty", "no root", "binary"],
)
def test_a_damaged_crate_gives_one_clear_message(store, foreign, damage, message):
    damage(foreign / "ro-crate-metadata.json")
    with pytest.raises(FileError, match=message) as caught:
        take_in(foreign, store, "S-1")
    assert len(str(caught.value).splitlines()) == 1
    assert taken_records(store, "S-1") == []


def test_damaged_documents_leave_no_half_store(crate, tmp_path):
    files = sorted((crate / "documents").iterdir())
    whole = files[1].read_text()
    for number, text in enumerate(
        ("", "nonsense\n", '["stop", {}]\n' + whole, whole + '["event", {"descriptor": "x"}]\n')
    ):
        files[1].write_text(text)
        with pytest.raises(FileError, match="is damaged"):
            make_store(crate, tmp_path / f"new-{number}")
        assert not (tmp_path / f"new-{number}").exists()


def test_a_zip_file_that_is_none_or_leaves_its_folder_is_refused(store, tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK nothing")
    with pytest.raises(FileError, match="is no zip file"):
        take_in(tmp_path / "a.zip", store, "S-1")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("../outside.txt", "x")
    with pytest.raises(FileError, match="names a place outside itself"):
        take_in(tmp_path / "b.zip", store, "S-1")
    (tmp_path / "c.doc").write_text("x")
    with pytest.raises(FileError, match="cannot be taken in; known"):
        take_in(tmp_path / "c.doc", store, "S-1")
    with pytest.raises(FileError, match="no such file or folder"):
        take_in(tmp_path / "nowhere", store, "S-1")


def test_a_piece_is_told_with_what_it_was_cut_from_and_its_photographs(store, tmp_path):
    photograph = tmp_path / "crack 1.png"
    photograph.write_bytes(b"\x89PNG")
    with SampleRegistry(store, "K. Sato") as registry:
        registry.attach("S-1", photograph, kind="photograph", note="left edge")
        registry.split("S-1", ["S-1-a", "S-1-b"])
        kept = registry.sample("S-1").attachments[0].checksum
    crate = export(gather_dossier(store, "S-1-a"), "rocrate", tmp_path / "crate", role="owner")
    entities = entities_of(crate)
    assert ids_in(entities["#sample-S-1-a"]["isRelatedTo"]) == ["#sample-S-1"]
    (path,) = ids_in(entities["#sample-S-1"]["subjectOf"])
    assert (crate / path).read_bytes() == b"\x89PNG"
    assert entities[path]["sha256"] == kept
    assert entities[path]["description"] == "photograph left edge"
    assert len(ids_in(entities["./"]["mentions"])) == 4
    again = load(FORMATS["rocrate"]).read(crate)
    assert [file.path.read_bytes() for file in again.files if "attachments" in file.name] == [b"\x89PNG"]


def test_two_samples_of_one_load_share_the_action(store, tmp_path):
    crate = export(gather_dossier(store, "S-2"), "rocrate", tmp_path / "crate")
    (operation,) = load(FORMATS["rocrate"]).read(crate).operations
    assert operation.name == "anneal"


@pytest.mark.slow
def test_a_missing_library_is_told_with_how_to_install_it(store, tmp_path):
    code = f"""
import sys
sys.modules["rocrate"] = None
from labctl.app import main
sys.argv = ["labctl", "export", {str(store)!r}, "S-1", "--to", "rocrate", "--out", {str(tmp_path / "crate")!r}]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "rocrate needs the package rocrate, which is not installed: pip install 'labctl[exchange]'\n"
    assert done.returncode == 3
    assert not (tmp_path / "crate").exists()
