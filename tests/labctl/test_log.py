import json
import logging
import threading

import pytest

from labctl import log
from labctl.clock import RealClock, VirtualClock
from labctl.log import about, json_log

logger = logging.getLogger("labctl.test")


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_has_time_level_event_and_what_it_is_about(tmp_path):
    clock = VirtualClock(epoch=1_700_000_000.0)
    with json_log(tmp_path / "log", clock), about(campaign="ito", station="furnace_a", trials=()):
        logger.info("operation began", extra={"operation": "anneal", "samples": ("S-1", "S-2")})
        logger.warning("%s: poll failed: %s", "robot", "no reply")
    began, failed = lines(tmp_path / "log")
    assert began.pop("written") > "2026"
    assert began == {
        "time": "2023-11-14T22:13:20.000Z",
        "level": "info",
        "event": "operation began",
        "logger": "labctl.test",
        "campaign": "ito",
        "station": "furnace_a",
        "operation": "anneal",
        "samples": ["S-1", "S-2"],
    }
    assert (failed["event"], failed["message"]) == ("%s: poll failed: %s", "robot: poll failed: no reply")


def test_context_is_of_its_thread_and_ends_with_its_body(tmp_path):
    with json_log(tmp_path / "log", RealClock()):
        with about(station="a") as held:
            held["run_uid"] = "1234"
            other = threading.Thread(target=logger.info, args=("from another thread",))
            other.start()
            other.join()
            with about(samples=["S-1"]):
                logger.info("within")
        logger.info("after")
    contexts = [
        {k: v for k, v in line.items() if k in ("station", "run_uid", "samples")} for line in lines(tmp_path / "log")
    ]
    assert contexts == [{}, {"station": "a", "run_uid": "1234", "samples": ["S-1"]}, {}]


def test_what_cannot_be_encoded_or_is_no_json_is_written_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(logging.getLogger("labctl"), "propagate", False)  # pytest's workers cannot send such text
    with json_log(tmp_path / "log", RealClock()):
        logger.info("torn \ud800\n", extra={"path": tmp_path})
        try:
            raise ValueError("wrong")
        except ValueError:
            logger.exception("failed")
    torn, failed = lines(tmp_path / "log")
    assert torn["path"] == str(tmp_path)
    assert failed["error"].endswith("ValueError: wrong")


def test_a_log_that_grew_is_put_aside_and_the_oldest_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "LARGEST_BYTES", 1000)
    monkeypatch.setattr(log, "N_KEPT", 2)
    with json_log(tmp_path / "log.jsonl", RealClock()):
        for number in range(100):
            logger.info("line", extra={"number": number})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "log.jsonl.1", "log.jsonl.2"]
    kept = [line["number"] for name in ("log.jsonl.2", "log.jsonl.1", "log.jsonl") for line in lines(tmp_path / name)]
    assert kept == list(range(kept[0], 100))


def test_a_log_that_cannot_be_written_says_so_once_and_stops_nothing(tmp_path, capsys):
    (tmp_path / "log").symlink_to("/dev/full")
    with json_log(tmp_path / "log", RealClock()):
        for _ in range(3):
            logger.info("line")
    assert capsys.readouterr().err.count("cannot be written: [Errno 28] No space left on device") == 1


@pytest.mark.parametrize("level", ["debug", "info"])
def test_only_labctl_and_no_chatter_is_in_it_and_its_level_is_given_back(tmp_path, level):
    before = logging.getLogger("labctl").level
    with json_log(tmp_path / "log", RealClock()):
        getattr(logging.getLogger("urllib3"), level)("POST https://secret")
        getattr(logger, level)("ours")
    assert [line["event"] for line in lines(tmp_path / "log")] == (["ours"] if level == "info" else [])
    assert logging.getLogger("labctl").level == before
