"""A session is recorded on the wire and played back: drivers, plans and documents are the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from devices.sample_mover import checksum
from labctl.app._recording import recorded
from labctl.clock import VirtualClock
from labctl.engine import LabRunEngine, ScanIds
from labctl.errors import LabError
from labctl.lab import CASSETTE, Lab, LabFile, build_lab, check_lab, read_lab
from labctl.link import Cassette, CassetteRecorder, Recorded, read_cassette, write_cassette
from plans import OPERATIONS
from sim_devices.cassette import CassetteInstrument
from tests.laboratory import SCHEMAS, example_lab

EXAMPLES = Path(__file__).parents[2] / "examples"
ATTACHED = Path(__file__).parents[1] / "cassettes"
FAULT = [{"device": "probe_meter", "kind": "lost", "start": 0.5, "duration": 60.0}]


def measured(file: LabFile, tape: Path | None = None) -> list[tuple[str, dict]]:
    """Connect, measure a resistance, and return the documents; record it where there is a tape."""
    clock, documents = VirtualClock(stall_s=20), []
    lab = build_lab(file, clock, SCHEMAS, seed=1)

    def session() -> None:
        with clock.held():
            lab.connect()
        md = {**lab.metadata.model_dump(), "station": "test"}
        engine = LabRunEngine(clock, md, ScanIds(), lambda name, document: documents.append((name, dict(document))))
        probe = OPERATIONS["measure_sheet_resistance"](lab.devices["probe_meter"], ["S-1"], current="1 mA")
        try:
            with clock.flow():
                engine(probe)
        except Exception:
            assert documents[-1][1]["exit_status"] == "fail"
        engine.close()

    if tape is None:
        session()
    else:
        with recorded(lab, file, tape):
            session()
    clock.close()
    lab.close()
    return documents


def played(file: LabFile, tape: Path) -> list[tuple[str, dict]]:
    return measured(file.model_copy(update={"backend": CASSETTE, "cassette": str(tape)}))


def data(documents: list[tuple[str, dict]]) -> list[dict]:
    return [document["data"] for name, document in documents if name == "event"]


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, dict]]]:
    path = tmp_path_factory.mktemp("tape") / "probe.jsonl"
    return path, measured(example_lab(), path)


def test_a_recording_gives_the_same_readings_again(tape) -> None:
    path, before = tape
    after = played(example_lab(), path)
    assert data(after) == data(before)
    assert after[-1][1]["exit_status"] == "success"


def test_a_fault_of_the_field_is_the_same_fault_in_the_test(tmp_path: Path) -> None:
    before = measured(example_lab(FAULT), tmp_path / "fault.jsonl")
    after = played(example_lab(), tmp_path / "fault.jsonl")
    assert before[-1][1]["exit_status"] == after[-1][1]["exit_status"] == "fail"
    assert "no reply in time" in after[-1][1]["reason"]
    assert after[-1][1]["reason"] == before[-1][1]["reason"]


def test_serial_numbers_are_zeros_unless_a_checksum_protects_them(tape, tmp_path: Path, capsys) -> None:
    name = "labctl,mover-1,4711-12,1.0"
    identities = {"probe_meter": (b",0000000,", b",1234567,"), "robot": (b"", f"{name}*{checksum(name)}\n".encode())}

    def with_serial(one: Recorded) -> Recorded:
        old, new = identities.get(one.device, (b"", b""))
        if one.device == "robot" and one.sent.startswith(b"ID?"):
            return replace(one, received=new)
        return replace(one, received=one.received.replace(old, new)) if old else one

    cassette = read_cassette(tape[0])
    known = tmp_path / "known.jsonl"
    write_cassette(known, Cassette(cassette.about, tuple(map(with_serial, cassette.exchanges))))
    measured(example_lab().model_copy(update={"backend": CASSETTE, "cassette": str(known)}), tmp_path / "new.jsonl")
    text = (tmp_path / "new.jsonl").read_text()
    assert "1234567" in known.read_text() and "1234567" not in text
    assert "4711-12" in text
    assert "the serial number of robot is in it: its replies have a checksum" in capsys.readouterr().err


def test_no_serial_number_is_left_in_an_address(tape) -> None:
    entry = read_cassette(tape[0]).about["devices"]["photometer_meter"]
    assert entry["address"] == "USB0::0x1313::0x8078::00000000::INSTR"


def test_an_instrument_of_a_file_is_played_back_as_well(tmp_path: Path) -> None:
    def told(file: LabFile) -> dict:
        clock = VirtualClock(stall_s=20)
        lab = build_lab(file, clock, SCHEMAS, seed=1)

        def session() -> dict:
            with clock.held():
                lab.connect()
                return {name: lab.devices[name].read_process() for name in ("hot_plate", "chiller")}

        try:
            if file.backend == CASSETTE:
                return session()
            with recorded(lab, file, tmp_path / "tape.jsonl"):
                return session()
        finally:
            clock.close()
            lab.close()

    def values(readings: dict) -> list:
        return [entry["value"] for reading in readings.values() for entry in reading.values()]

    file = read_lab(EXAMPLES / "instruments" / "lab.yaml", SCHEMAS)
    before = told(file)
    tape = {"backend": CASSETTE, "cassette": str(tmp_path / "tape.jsonl")}
    assert values(told(file.model_copy(update=tape))) == values(before)


def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path, monkeypatch, capsys) -> None:
    write, n = CassetteRecorder._write, 0

    def full(recorder: CassetteRecorder, line: str) -> None:
        nonlocal n
        n += 1
        if n > 20:
            raise OSError(28, "No space left on device")
        write(recorder, line)

    monkeypatch.setattr(CassetteRecorder, "_write", full)
    documents = measured(example_lab(), tmp_path / "tape.jsonl")
    assert documents[-1][1]["exit_status"] == "success"
    assert "the recording broke off: [Errno 28] No space left on device" in capsys.readouterr().err


def test_requests_match_loosely_in_order_and_the_last_answer_stays() -> None:
    exchanges = (
        Recorded("meter", 0.0, 0.1, b":sour:curr 1.000E-3\n", b""),
        Recorded("meter", 1.0, 0.1, b"READ?\n", b"1\n"),
        Recorded("meter", 2.0, 0.1, b"READ?\n", b"2\n"),
    )
    meter = CassetteInstrument(VirtualClock(), "meter", exchanges)
    assert meter.receive(b":SOUR:CURR 0.001\n") == []
    assert [meter.receive(b"READ?\n")[0].data for _ in range(3)] == [b"1\n", b"2\n", b"2\n"]
    with pytest.raises(LabError, match=r"b'FETCH\?.*' was not recorded from meter"):
        meter.receive(b"FETCH?\n")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "is no cassette: its first line must hold cassette: 1"),
        (["{"], "tape.jsonl:1: "),
        (['{"cassette": 1}', '{"device": "room", "at": 1, "took": 0}'], "tape.jsonl:2: sent must be text"),
        (['{"cassette": 1}', '{"device": "room", "at": 1, "took": 0, "sent": "\u4e00"}'], "which is no byte"),
        (['{"cassette": 1}'], "holds nothing of magnetron, argon"),
    ],
)
def test_a_wrong_cassette_is_one_clear_line(lines: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "tape.jsonl").write_text("\n".join(lines), encoding="utf-8")
    content = example_lab().model_dump(by_alias=True, mode="json") | {"backend": CASSETTE, "cassette": "tape.jsonl"}
    _, problems = check_lab(content, SCHEMAS, tmp_path)
    (told,) = [str(problem) for problem in problems if problem.where == "cassette"]
    assert message in told


def test_a_cassette_reads_back_as_it_was_written(tmp_path: Path) -> None:
    exchange = Recorded("furnace", 1.5, 0.02, bytes(range(256)), b"\x01\x03\r\n", "unusable reply: CRC")
    cassette = Cassette({"cassette": 1, "lab": "x"}, (exchange,))
    write_cassette(tmp_path / "tape.jsonl", cassette)
    assert read_cassette(tmp_path / "tape.jsonl") == cassette
    assert all(json.loads(line) for line in (tmp_path / "tape.jsonl").read_text().splitlines())


def from_the_field(path: Path, clock: VirtualClock) -> Lab:
    """Return a laboratory of what is on a cassette: the file says class and address of every device."""
    devices = {name: dict(about) for name, about in read_cassette(path).about["devices"].items()}
    stations = {"field": {"operations": {"take_readings": {"instrument": next(iter(devices))}}}}
    content = {"lab": "field", "operator": "nobody", "devices": devices, "stations": stations, "racks": {"rack": 1}}
    file = LabFile.model_validate(content)
    return build_lab(file.model_copy(update={"backend": CASSETTE, "cassette": str(path)}), clock, SCHEMAS)


@pytest.mark.parametrize("path", sorted(ATTACHED.glob("*.jsonl")), ids=lambda path: path.stem)
def test_the_drivers_can_use_what_instruments_said_in_the_field(path: Path) -> None:
    """A recording that is put into tests/cassettes is a test: every reply on it must be one that a driver can use."""
    clock, n_read = VirtualClock(stall_s=20), 0
    lab = from_the_field(path, clock)
    try:
        with clock.held():
            answers = lab.connect()
            assert [answer for answer in answers.values() if isinstance(answer, LabError)] == []
            for device in lab.devices.values():
                for _, _, signal in device.walk_signals():
                    try:
                        signal.get()
                    except LabError as error:
                        assert "was not recorded" in str(error), signal.name
                    else:
                        n_read += 1
    finally:
        clock.close()
        lab.close()
    assert n_read > 10


def test_a_reply_that_no_driver_can_use_makes_a_cassette_of_the_field_fail(tmp_path: Path) -> None:
    cassette = read_cassette(ATTACHED / "simulated.jsonl")
    broken = [replace(one, received=one.received.replace(b'I2 A "', b'I2 "')) for one in cassette.exchanges]
    write_cassette(tmp_path / "field.jsonl", Cassette(cassette.about, tuple(broken)))
    with pytest.raises(AssertionError, match="unusable reply"):
        test_the_drivers_can_use_what_instruments_said_in_the_field(tmp_path / "field.jsonl")
