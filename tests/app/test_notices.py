"""Who is told: on the command line, and by a campaign that meets a fault."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from labctl.app._commands import command_line
from labctl.app._ending import BAD_INPUT, WRONG
from labctl.app._telling import happening_notice
from labctl.campaign import Happening
from labctl.files import yaml_text
from tests.receiver import Receiver

SECRET = "Hu5hHu5h"


def laboratory(folder, example, notices, **changes):
    """Copy the example's files, with notices and other changes in the lab file."""
    for name in ("recipe.yaml", "campaign.yaml", "substrates.csv"):
        if (example / name).exists():
            (folder / name).write_text((example / name).read_text())
    content = yaml.safe_load((example / "lab.yaml").read_text()) | {"notices": notices} | changes
    (folder / "lab.yaml").write_text(yaml_text(content))
    return folder / "lab.yaml"


def call(*words):
    return CliRunner().invoke(command_line, [str(word) for word in words])


TARGET = {"targets": {"shift": {"env": "LABCTL_TEST", "when_simulated": True}}}


@pytest.mark.parametrize(
    ("notices", "problem"),
    [
        ({"targets": {"shift": {"env": "LABCTL_TEST", "when_simulated": True}}},
         "notices.targets.shift.env: the environment variable LABCTL_TEST is not set"),
        ({"targets": {"shift": {"env": f"json://{SECRET}@host/"}}},
         "notices.targets.shift.env: must be the name of an environment variable, such as LABCTL_NOTIFY_SHIFT; the "
         "address itself is a secret and is written in no file"),
        ({"targets": {"shift": {"keyring": f"json://{SECRET}@host/"}}},
         "notices.targets.shift.keyring: must name a keyring entry as service/user, such as labctl/shift; the address "
         "itself is a secret and is written in no file"),
        ({"targets": {"shift": f"json://{SECRET}@host/"}},
         "notices.targets.shift: must be a mapping (key: value), not '***'"),
        ({"targets": [f"json://{SECRET}@host/"]}, "notices.targets: must be a mapping (key: value), not ['***']"),
        ({"targets": {f"json://{SECRET}@host/": {"env": "A"}}}, "notices.targets.***"),
        ({"targets": {"shift": {"url": f"json://{SECRET}@host/"}}},
         "notices.targets.shift.url: unknown key; known: env, keyring, kinds, severity, when_simulated"),
        ({"targets": {"shift": {}}}, "notices.targets.shift: needs 'env' or 'keyring'"),
        ({"targets": {"shift": {"env": "A", "keyring": "a/b"}}},
         "notices.targets.shift: needs 'env' or 'keyring', not both"),
        ({"targets": {"shift": {"env": "A", "kinds": ["alarms"]}}},
         "notices.targets.shift.kinds[0]: must be 'alarm', 'failure', 'wait', 'finished', 'summary' or 'test', not "
         "'alarms'"),
        ({"targets": {"shift": {"env": "A", "severity": "high"}}},
         "notices.targets.shift.severity: must be 'info', 'warning' or 'critical', not 'high'"),
        ({"targets": {}}, "notices.targets: must not be empty"),
        ({**TARGET, "summary_at": "7.30"}, "notices.summary_at: '7.30' must be a time of day such as '07:30'"),
        ({**TARGET, "timezone": "Asia/Tokio"},
         "notices.timezone: unknown time zone 'Asia/Tokio'; did you mean 'Asia/Tokyo'?"),
        ({**TARGET, "gap": {"alert": "1 min"}}, "notices.gap.alert: must be 'alarm', "),
        ({**TARGET, "gap": {"alarm": 60}}, "notices.gap.alarm: 60 has no unit; write '60 s'"),
        ({**TARGET, "retry_for": "2 days"}, "notices.retry_for: 2 days is outside 0..86400 s"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_one_clear_line_and_shows_no_address(notices, problem, example, tmp_path, monkeypatch):
    monkeypatch.delenv("LABCTL_TEST", raising=False)
    lab = laboratory(tmp_path, example, notices)
    result = call("lab", "check", lab, "--no-connect")
    assert result.exit_code == BAD_INPUT
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{lab}: {problem}")
    assert SECRET not in result.output


def test_who_is_told_is_shown_without_an_address(example, tmp_path, monkeypatch):
    monkeypatch.setenv("LABCTL_TEST", f"json://user:{SECRET}@127.0.0.1:9/")
    quiet = {"env": "LABCTL_QUIET", "kinds": ["alarm"]}
    lab = laboratory(tmp_path, example, {"targets": {**TARGET["targets"], "night": quiet}})
    result = call("lab", "check", lab, "--no-connect")
    assert result.exit_code == 0
    assert "shift is told of alarm, failure, wait, finished, summary, test\n" in result.output
    assert "night is told of alarm, of nothing in a simulated laboratory\n" in result.output
    assert SECRET not in result.output


def test_every_target_gets_a_test_and_one_that_does_not_is_named(example, tmp_path, monkeypatch):
    monkeypatch.setenv("LABCTL_OTHER", f"json://user:{SECRET}@127.0.0.1:9/")
    lab = laboratory(tmp_path, example, {"targets": {**TARGET["targets"], "other": {"env": "LABCTL_OTHER"}}})
    with Receiver() as receiver:
        monkeypatch.setenv("LABCTL_TEST", receiver.address)
        result = call("notices", "test", lab)
    assert result.exit_code == WRONG
    assert result.output.splitlines() == [
        "shift: told, by way of the environment variable LABCTL_TEST",
        "other: not told: the service cannot be reached, or does not answer",
    ]
    assert receiver.titles == ["[ito-line] test: this is a test"]


def test_a_test_without_targets_says_that_nobody_is_told(example):
    result = call("notices", "test", example / "lab.yaml")
    assert result.exit_code == BAD_INPUT
    assert result.stderr == f"{example / 'lab.yaml'}: notices: is missing: nobody is told when something happens\n"


def test_a_campaign_does_not_start_when_somebody_cannot_be_told(example, tmp_path, monkeypatch):
    monkeypatch.delenv("LABCTL_TEST", raising=False)
    laboratory(tmp_path, example, TARGET)
    for words in (
        ("check", tmp_path / "campaign.yaml"),
        ("run", tmp_path / "campaign.yaml", "--out", tmp_path / "out"),
    ):
        result = call("campaign", *words)
        assert result.exit_code == BAD_INPUT
        assert "the environment variable LABCTL_TEST is not set" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("happening", "told"),
    [
        (Happening("alarm", "x", station="oven", alarm="hot", severity="alarm"), ("alarm", "critical", "hot")),
        (Happening("alarm", "x", station="oven", alarm="no_gas", severity="warning"), ("alarm", "warning", "no_gas")),
        (Happening("wait", "x", station="oven", run="1"), ("wait", "warning", "oven waits for a person")),
        (Happening("wait", "t7 waits for approval: x", trial="t7"), ("wait", "warning", "t7 waits for a person")),
        (Happening("quarantine", "x", station="oven", run="1"), ("failure", "critical", "oven is in quarantine")),
        (Happening("stopping", "x"), ("failure", "critical", "night cannot go on")),
        (Happening("trial", "x", trial="t7"), None),
        (Happening("intervention", "x"), None),
        (Happening("finished", "x"), None),
    ],
)
def test_what_happens_is_told_by_what_it_asks_of_people_and_no_two_alarms_are_alike(happening, told):
    notice = happening_notice(happening, "night", 5.0)
    assert (notice and (notice.kind, notice.severity, notice.subject)) == told
    assert notice is None or (notice.text, notice.about.campaign) == (happening.text, "night")


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A campaign whose second furnace falls silent; its folder and what people were told."""
    from tests.laboratory import EXAMPLE

    folder = tmp_path_factory.mktemp("night")
    fault = {"device": "furnace_b_control", "kind": "lost", "start": "50 min"}
    notices = {
        **TARGET,
        "summary_at": "10:30",
        "timezone": "Asia/Tokyo",
        "repeat_after": "0 s",
        "gap": {"failure": "0 s"},
    }
    laboratory(folder, EXAMPLE, notices, simulated={"seed": 1, "faults": [fault]})
    campaign = yaml.safe_load((folder / "campaign.yaml").read_text())
    (folder / "campaign.yaml").write_text(yaml_text(campaign | {"budget": {"trials": 5}}))
    with Receiver() as receiver, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_TEST", receiver.address)
        result = call("campaign", "run", folder / "campaign.yaml", "--out", folder / "out")
    assert result.exit_code == 0, result.output
    return folder / "out", receiver.messages, result.output


def log_of(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_people_are_told_of_the_failure_the_state_and_the_end(night):
    _, messages, _ = night
    assert all(message["title"].startswith("[ito-line, simulated] ") for message in messages)
    kinds = {message["title"].split()[2].rstrip(":") for message in messages}
    assert kinds == {"alarm", "failure", "summary", "finished"}

    def of(kind):  # what comes at the same time may come in one message
        return "\n".join(message["message"] for message in messages if f" {kind}" in message["title"])

    summary, end, failure = of("summary"), of("finished"), of("failure")
    assert "hung_instrument_furnace_b_control" in of("alarm")
    assert failure.count("anneal on furnace_b failed") == failure.count("furnace_b is in quarantine") == 1
    assert "station furnace_b; run uid" in failure
    assert "no reply in time" in failure
    assert "10:30:00 JST" in summary
    assert "under way" in summary
    assert "5 of 5 trials started" in end
    assert "lies at furnace_b." in end


@pytest.mark.slow
def test_each_line_of_the_log_says_what_it_belongs_to(night):
    out, _, _ = night
    log = log_of(out)
    assert all({"time", "level", "event"} <= line.keys() for line in log)
    (failed,) = [line for line in log if line["event"] == "operation ended" and line["status"] != "success"]
    assert (failed["level"], failed["station"], failed["campaign"]) == ("warning", "furnace_b", "ito-night")
    assert failed["run_uid"] and failed["samples"] and len(failed["trials"]) == len(failed["samples"])
    began = [line for line in log if line["event"] == "operation began"]
    ended = [line for line in log if line["event"] == "operation ended"]
    assert len(began) == len(ended) == len(list((out / "journal").glob("*.jsonl")))


@pytest.mark.slow
def test_the_wire_log_of_a_failed_run_is_kept_and_found(night):
    out, _, _ = night
    (kept,) = [line for line in log_of(out) if line["event"] == "wire log kept"]
    path = out / kept["file"]
    exchanges = [json.loads(line) for line in path.read_text().splitlines()]
    assert {exchange["device"] for exchange in exchanges} == {"furnace_b_control"}
    assert [exchange["time"] for exchange in exchanges] == sorted(exchange["time"] for exchange in exchanges)
    assert any(exchange["error"] == "no reply in time" for exchange in exchanges)
    assert len(list((out / "wire").iterdir())) == 1
    assert str(path) in call("run", "show", out, kept["run_uid"][:8]).output


@pytest.mark.slow
def test_no_address_is_in_any_file_of_the_store(night):
    out, _, said = night
    assert SECRET not in said
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
