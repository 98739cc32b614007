"""What is done when an operation fails, and what people do to a campaign that runs."""

import json
from dataclasses import replace

import pytest

from labctl.app._running import catch_up
from labctl.campaign import Campaign, check_campaign, retold
from labctl.campaign._file import ApprovalEntry, GainEntry, StopEntry
from labctl.clock import VirtualClock
from labctl.dispatch import FailureRule
from labctl.dispatch._durations import MOVE_S
from labctl.errors import FileError, LabError, RegistryError
from labctl.lab import build_lab
from labctl.objectives import InputOf
from labctl.records import trials_of
from labctl.store import Store
from plans import OPERATIONS
from tests.deaths import killed_while_writing
from tests.laboratory import EXAMPLE, SCHEMAS, example_lab

pytestmark = pytest.mark.slow
FIRST_LOOK = {"device": "photometer_meter", "kind": "lost", "start": 1400.0}
"""The photometer is mute from before the first sample comes to it."""


def run(
    folder, faults=(), lab=None, n_trials=1, meanwhile=None, before=None, plant_memory=None, objectives=None, **changes
):
    """Run the example's campaign; `meanwhile` is told each happening, with the campaign."""
    checked = check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS, seed=1)
    budget = checked.file.budget.model_copy(update={"trials": n_trials})
    file = checked.file.model_copy(update={"budget": budget, **changes})
    checked = replace(checked, file=file, lab=lab or example_lab(faults))
    checked = checked if objectives is None else replace(checked, objectives=tuple(objectives))
    clock = VirtualClock(stall_s=30)
    happenings = []
    with Store.open(folder) as store:
        lab = build_lab(checked.lab, clock, SCHEMAS, seed=1, plant_memory=plant_memory)
        catch_up(clock, store)

        def happened(happening):
            happenings.append(happening)
            if meanwhile is not None:
                meanwhile(campaign, happening)

        try:
            campaign = Campaign(checked, lab, store, OPERATIONS, happened)
            if before is not None:
                campaign.tell(lambda: before(campaign))
            ending = campaign.run()
        finally:
            clock.close()
            lab.close()
    return campaign, ending, happenings


def starts(folder, operation):
    """Return the start documents of all runs of a kind of operation."""
    firsts = [json.loads(file.read_bytes().splitlines()[0])[1] for file in (folder / "journal").glob("*.jsonl")]
    return sorted((s for s in firsts if s["operation"] == operation), key=lambda start: start["scan_id"])


def decided(folder):
    """Return the verdicts on operations that failed, in order."""
    lines = [json.loads(line) for line in (folder / "decisions.jsonl").read_text().splitlines()]
    return [line["verdict"] for line in lines if line["decision"] == "handled"]


def test_a_measurement_that_failed_once_is_tried_again(tmp_path):
    campaign, ending, _ = run(tmp_path, [{**FIRST_LOOK, "duration": 60.0}])
    assert (ending.n_completed, ending.quarantined) == (1, {})
    assert decided(tmp_path) == ["retry"]
    assert len(starts(tmp_path, "measure_transmittance")) == 3
    with Store.read(tmp_path) as store:
        (trial,) = trials_of(store, "ito-night", campaign.checked.objectives, "suspect")
    assert trial.outcome == campaign.outcomes[0]


def two_photometers(faults):
    file = example_lab(faults)
    devices = {
        **file.devices,
        "second_meter": file.devices["photometer_meter"].model_copy(update={"address": "USB0::1::2::3::INSTR"}),
    }
    second = file.stations["photometer"].model_copy(
        update={"operations": {"measure_transmittance": {"meter": "second_meter"}}}
    )
    return file.model_copy(update={"devices": devices, "stations": {**file.stations, "photometer_b": second}})


def test_a_sample_goes_elsewhere_when_its_station_is_broken(tmp_path):
    _, ending, _ = run(tmp_path, lab=two_photometers([FIRST_LOOK]))
    assert ending.n_completed == 1
    assert list(ending.quarantined) == ["photometer"]
    assert decided(tmp_path) == ["retry", "elsewhere"]
    assert [s["station"] for s in starts(tmp_path, "measure_transmittance")] == [
        "photometer", "photometer", "photometer_b", "photometer_b",
    ]  # fmt: skip


def test_without_another_station_a_broken_one_is_used_no_more(tmp_path):
    _, ending, happenings = run(tmp_path, [FIRST_LOOK])
    assert (ending.n_lost, list(ending.quarantined)) == (1, ["photometer"])
    assert decided(tmp_path) == ["retry", "quarantine"]
    assert [h.station for h in happenings if h.kind == "quarantine"] == ["photometer"]


def test_a_sample_is_set_aside_and_its_station_goes_on(tmp_path):
    rule = FailureRule.model_validate({"then": "set aside"})
    fault = {"device": "magnetron", "kind": "arc", "start": 600.0, "duration": 60.0}
    campaign, ending, _ = run(tmp_path, [fault], n_trials=2, in_flight=1, on_failure={"sputter": rule})
    assert decided(tmp_path) == ["set aside"]
    assert (ending.n_lost, ending.n_completed + ending.n_failed, ending.quarantined) == (1, 1, {})
    assert ending.whereabouts == {"ito-night-0001": "rack.1"}
    assert "deposit on sputter" in campaign.lost["T0001"]


def test_an_operation_that_the_objective_does_not_need_is_left_out(tmp_path):
    rule = FailureRule.model_validate({"then": "go on"})
    fault = {**FIRST_LOOK, "duration": 60.0}
    campaign, ending, _ = run(tmp_path, [fault], on_failure={"measure_transmittance": rule})
    assert decided(tmp_path) == ["go on"]
    assert ending.n_completed == 1
    with Store.read(tmp_path) as store:
        (trial,) = trials_of(store, "ito-night", campaign.checked.objectives, "suspect")
    assert trial.outcome == campaign.outcomes[0]
    assert starts(tmp_path, "anneal")[0]["left_out"] == {"ito-night-0001": ["transmittance_as_deposited"]}


def test_a_person_is_waited_for_and_answers(tmp_path):
    rule = FailureRule.model_validate({"then": "wait", "wait": "8 h"})

    def answer(campaign, happening):
        if happening.kind == "wait":
            campaign.tell(lambda: campaign.operator.answer("photometer", "retry", "K. Sato"))

    fault = {**FIRST_LOOK, "duration": 60.0}
    _, ending, _ = run(tmp_path, [fault], meanwhile=answer, on_failure={"measure_transmittance": rule})
    assert (ending.n_completed, ending.quarantined) == (1, {})
    assert decided(tmp_path) == ["wait", "retry"]


def test_nobody_answers_and_the_rule_does(tmp_path):
    rule = FailureRule.model_validate({"then": "wait", "wait": "8 h", "otherwise": "set aside"})
    _, ending, _ = run(tmp_path, [FIRST_LOOK], on_failure={"measure_transmittance": rule})
    assert decided(tmp_path) == ["wait", "set aside"]
    assert ending.n_lost == 1
    assert ending.lab_s > 8 * 3600


def test_a_rule_may_stop_the_campaign(tmp_path):
    rule = FailureRule.model_validate({"then": "stop"})
    _, ending, _ = run(tmp_path, [FIRST_LOOK], n_trials=3, on_failure={"measure_transmittance": rule})
    assert ending.reason.startswith("stopped: transmittance_as_deposited on photometer")


def test_trials_lost_in_a_row_end_the_campaign(tmp_path):
    rule = FailureRule.model_validate({"then": "set aside"})
    stop = {"stop": check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS).file.stop.model_copy(update={"lost": 2})}
    faults = [{"device": "magnetron", "kind": "arc", "start": 600.0}]
    _, ending, _ = run(tmp_path, faults, n_trials=9, in_flight=1, on_failure={"sputter": rule}, **stop)
    assert ending.reason == "stopped: 2 trials in a row were lost"
    assert ending.n_trials == 2


# After a death in the middle of a failure.


def run_again(folder, **changes):
    """Go on with a campaign in a folder, on the plant that was left; return it, its ending and what happened."""
    return run(folder, plant_memory=folder / "plant.log", **changes)


@pytest.mark.parametrize(
    "rule, verdicts",
    [
        ({"retries": 1, "after": "10 min"}, ["retry"]),
        ({"then": "go on"}, ["go on"]),
        ({"then": "set aside"}, ["set aside"]),
        ({"then": "wait", "wait": "1 h", "otherwise": "go on"}, ["wait", "wait", "go on"]),
    ],
)
def test_what_was_decided_on_a_failure_holds_after_a_death(tmp_path, rule, verdicts):
    rules = {"measure_transmittance": FailureRule.model_validate(rule)}
    is_verdict = lambda line: b'"decision": "handled"' in line  # noqa: E731  one expression
    killed_while_writing(is_verdict, lambda: run_again(tmp_path, faults=[FIRST_LOOK], on_failure=rules))
    campaign, ending, _ = run_again(tmp_path, on_failure=rules)
    assert decided(tmp_path) == verdicts
    assert (ending.n_completed, ending.n_lost) == ((0, 1) if rule.get("then") == "set aside" else (1, 0))
    assert len(starts(tmp_path, "sputter")) == len(starts(tmp_path, "anneal")) + ending.n_lost == 1
    assert campaign.optimizer.checkpoint()["history"][0]["call"] == "register_suggestions"


# What people do.


def test_a_held_station_begins_nothing_and_a_released_one_goes_on(tmp_path):
    seen = []

    def act(campaign, happening):
        if happening.kind == "intervention" and "held" in happening.text:
            campaign.lab.clock.spawn(lambda: release(campaign), "person")

    def release(campaign):
        campaign.lab.clock.sleep(7200.0)
        seen.append(campaign.dispatcher.ports["photometer"].state)
        campaign.tell(lambda: campaign.operator.release("photometer", "K. Sato"))

    _, ending, _ = run(
        tmp_path, before=lambda campaign: campaign.operator.hold("photometer", "K. Sato", "lamp changed"), meanwhile=act
    )
    assert ending.n_completed == 1 and seen == ["free"]
    assert starts(tmp_path, "measure_transmittance")[0]["time"] - starts(tmp_path, "transfer")[0]["time"] > 7000
    lines = (tmp_path / "decisions.jsonl").read_text()
    assert "held by K. Sato: lamp changed" in lines and "released by K. Sato" in lines
    told = [text for file in (tmp_path / "journal").glob("*.jsonl") if "lamp changed" in (text := file.read_text())]
    assert len(told) == 1 and '"operation":"measure_transmittance"' in told[0]


def test_a_paused_campaign_starts_nothing_until_it_is_resumed(tmp_path):
    def before(campaign):
        campaign.operator.pause("K. Sato")
        campaign.lab.clock.spawn(lambda: go_on(campaign), "person")

    def go_on(campaign):
        campaign.lab.clock.sleep(3600.0)
        assert all(driver.current is None for driver in campaign.drivers.values())
        campaign.tell(lambda: campaign.operator.resume("K. Sato"))

    campaign, ending, _ = run(tmp_path, before=before)
    assert ending.n_completed == 1
    assert starts(tmp_path, "transfer")[0]["time"] - campaign.started_at >= 3600


def test_a_released_station_is_empty_and_works_again(tmp_path):
    def act(campaign, happening):
        if happening.kind == "quarantine":
            campaign.lab.clock.spawn(lambda: release(campaign), "person")

    def release(campaign):
        campaign.lab.clock.sleep(1000.0)
        campaign.lab.plant.line.move("photometer.1", "rack.1")
        campaign.tell(lambda: campaign.operator.release("photometer", "K. Sato"))

    rules = {"measure_transmittance": FailureRule.model_validate({"then": "quarantine"})}
    lab = two_photometers([{**FIRST_LOOK, "duration": 60.0}])
    campaign, ending, _ = run(tmp_path, lab=lab, n_trials=2, in_flight=1, meanwhile=act, on_failure=rules)
    assert (ending.n_lost, ending.n_completed + ending.n_failed) == (1, 1)
    assert ending.quarantined == {}
    assert ending.whereabouts == {"ito-night-0001": "taken out of photometer.1"}
    assert starts(tmp_path, "measure_transmittance")[-1]["station"] == "photometer"
    assert "photometer.1" not in campaign.dispatcher.line.places.holders()


def test_a_station_that_does_not_answer_after_a_restart_is_left_out(tmp_path):
    is_anneal = lambda line: b'"operation":"anneal"' in line  # noqa: E731  one expression
    killed_while_writing(is_anneal, lambda: run_again(tmp_path, n_trials=2))
    mute = {"device": "probe_meter", "kind": "lost", "start": 0.0}
    with pytest.raises(LabError, match="probe_meter"):
        run(tmp_path / "new", [mute])
    _, ending, happenings = run_again(tmp_path, n_trials=2, faults=[mute])
    asked = [h.kind for h in happenings if h.station == "probe"]
    assert asked == ["wait", "quarantine"], "it was asked again for an hour first"
    assert list(ending.quarantined) == ["probe"]
    assert ending.n_lost == 2
    assert len(starts(tmp_path, "anneal")) == 2, "the furnace's programme was gone on with, not begun again"
    assert next(h.station for h in happenings if h.kind == "quarantine") == "probe"


def test_a_station_that_answers_late_after_a_restart_loses_nothing(tmp_path):
    is_anneal = lambda line: b'"operation":"anneal"' in line  # noqa: E731  one expression
    killed_while_writing(is_anneal, lambda: run_again(tmp_path, n_trials=2))
    mute = {"device": "probe_meter", "kind": "lost", "start": 0.0, "duration": 900.0}
    _, ending, happenings = run_again(tmp_path, n_trials=2, faults=[mute])
    assert [h.kind for h in happenings if h.station == "probe"] == ["wait", "intervention"]
    assert (ending.n_lost, ending.quarantined) == (0, {})


def test_a_retry_that_was_put_off_is_put_off_as_long_after_a_restart(tmp_path):
    rules = {"measure_transmittance": FailureRule.model_validate({"retries": 1, "after": "1 h"})}
    fault = {**FIRST_LOOK, "duration": 1200.0}
    is_handled = lambda line: b'"decision": "handled"' in line  # noqa: E731  one expression

    def again():
        return run_again(tmp_path, n_trials=1, faults=[fault], on_failure=rules)

    killed_while_writing(is_handled, again)
    _, ending, _ = again()
    assert ending.n_lost == 0
    first, second, *_ = starts(tmp_path, "measure_transmittance")
    assert second["time"] - first["time"] == pytest.approx(3600, abs=60)


# Interlocks.


def guarded(action, faults=()):
    """Return the example's laboratory with an interlock on the temperature of furnace_a."""
    condition = {"signal": "furnace_a_control.temperature", "above": "100 degC"}
    return example_lab(faults, interlocks={"too_hot": {**condition, "action": action, "at": ["furnace_a"]}})


def test_an_interlock_aborts_its_station_and_holds_it_until_it_is_acknowledged(tmp_path):
    def meanwhile(campaign, happening):
        if happening.kind == "alarm":
            campaign.tell(lambda: campaign.operator.acknowledge("too_hot", "K. Sato", "thermocouple moved"))

    campaign, ending, happenings = run(tmp_path, lab=guarded("abort"), n_trials=1, meanwhile=meanwhile)
    assert ending.n_lost == 1 and list(ending.quarantined) == ["furnace_a"]
    assert "too_hot" in ending.quarantined["furnace_a"]
    furnace = campaign.lab.plant.instruments["furnace_a_control"]
    assert furnace.read_register(4) == 0, "the heater gets no power"
    assert next(h.text for h in happenings if h.kind == "alarm").startswith("too_hot: ")
    events = [line["event"] for line in campaign.floor.board.history()]
    assert events.index("raised") < events.index("acknowledged")


def test_a_held_station_leaves_the_work_to_another(tmp_path):
    _, ending, _ = run(tmp_path, lab=guarded("hold"), n_trials=3, in_flight=1)
    assert ending.n_completed + ending.n_failed == 3
    assert [start["station"] for start in starts(tmp_path, "anneal")] == ["furnace_a", "furnace_b", "furnace_b"]


def test_a_campaign_whose_stations_are_all_held_ends_after_a_week(tmp_path):
    def before(campaign):
        for furnace in ("furnace_a", "furnace_b"):
            campaign.operator.hold(furnace, "K. Sato")
        campaign.lab.clock.spawn(lambda: ask_every_hour(campaign), "asks")

    def ask_every_hour(campaign):  # what the heartbeat asks for is no news
        while True:
            campaign.lab.clock.sleep(3600.0)
            campaign.ask(lambda: None)

    _, ending, _ = run(tmp_path, before=before)
    assert ending.reason == "stopped: nothing has happened for 7 days"
    assert ending.whereabouts == {"ito-night-0001": "rack.1"}


# Approval.

APPROVE = {"when": "outside_envelope", "wait": "2 h"}


def test_what_was_not_done_before_waits_for_a_person(tmp_path):
    def answer(campaign, happening):
        if happening.kind == "wait":
            trial = happening.trial
            if trial == "T0001":
                campaign.tell(lambda: campaign.operator.approve(trial, "K. Sato"))
            else:
                campaign.tell(lambda: campaign.operator.refuse(trial, "K. Sato", "too hot"))

    entry = ApprovalEntry.model_validate(APPROVE)
    campaign, ending, _ = run(tmp_path, n_trials=1, in_flight=2, meanwhile=answer, approve=entry)
    assert ending.n_trials == 1 and ending.n_completed + ending.n_failed == 1
    assert campaign.outcomes[0].trial == "T0001"
    assert {each.text for each in campaign.approvals.refused.values()} <= {"refused by K. Sato: too hot"}
    again, _, _ = run(tmp_path, n_trials=1, in_flight=2, approve=entry)
    assert again.approvals.refused == campaign.approvals.refused
    assert again.optimizer.checkpoint() == campaign.optimizer.checkpoint()


def test_nobody_approves_and_nothing_is_made(tmp_path):
    entry = ApprovalEntry.model_validate(APPROVE)
    campaign, ending, happenings = run(tmp_path, n_trials=1, in_flight=1, approve=entry, before=stop_after(3))
    assert ending.n_trials == 0
    assert {each.text for each in campaign.approvals.refused.values()} >= {"refused by nobody: no answer in time"}
    assert starts(tmp_path, "sputter") == []
    assert [h for h in happenings if h.kind == "wait"]


def stop_after(hours):
    """Return what ends a campaign after lab hours."""

    def before(campaign):
        def stop():
            campaign.lab.clock.sleep(hours * 3600.0)
            campaign.stop("enough")

        campaign.lab.clock.spawn(stop, "person")

    return before


# Earlier campaigns.


def test_a_campaign_begins_with_what_earlier_ones_found(tmp_path):
    first, ending, _ = run(tmp_path / "first", n_trials=2)
    assert ending.n_completed == 2
    move_s = []
    again, ending, _ = run(
        tmp_path / "second",
        earlier=[str(tmp_path / "first")],
        before=lambda campaign: move_s.append(campaign.dispatcher.durations.move_s),
    )
    assert move_s == pytest.approx([first.dispatcher.durations.move_s], abs=0.1)
    assert move_s != [MOVE_S]
    told = again.optimizer.checkpoint()["history"][0]
    assert told["call"] == "ingest"
    assert {p["figure_of_merit"] for p in told["points"]} == {o.objectives["figure_of_merit"] for o in first.outcomes}
    assert again.outcomes[0].trial == "T0001"
    closed = check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS).lab.policy.model_copy(update={"access": "closed"})
    run(tmp_path / "closed", n_trials=1, policy=closed)
    _, _, _ = run(tmp_path / "third", earlier=[str(tmp_path / "closed"), str(tmp_path / "first")])
    assert starts(tmp_path / "third", "sputter")[0]["policy"]["access"] == "closed"


def test_an_earlier_store_of_other_parameters_is_refused(tmp_path):
    run(tmp_path / "first", n_trials=1)
    objective = check_campaign(EXAMPLE / "campaign.yaml", SCHEMAS).objectives[0]
    other = replace(objective, inputs={**objective.inputs, "transmittance": InputOf("nothing", "transmittance")})
    with pytest.raises(FileError, match="has no trial with the parameters power, oxygen"):
        run(tmp_path / "second", earlier=[str(tmp_path / "first")], objectives=[other])


# A person's candidates.


def test_what_a_person_suggests_is_made_learnt_from_and_remembered(tmp_path):
    point = {"power": 120.0, "oxygen": 0.2, "thickness": 140.0, "temperature": 420.0, "ramp": 5.0, "dwell": "30 min"}
    refused = []

    def add(campaign):
        assert campaign.operator.suggest(point, "K. Sato", "as last year") == "T0002"
        for wrong in ({**point, "power": 9999.0}, point):  # the second: of two trials two are begun
            with pytest.raises(RegistryError) as error:
                campaign.operator.suggest(wrong, "K. Sato", "")
            refused.append(str(error.value))

    campaign, ending, happenings = run(tmp_path, n_trials=2, in_flight=1, before=add)
    assert (ending.reason, ending.n_trials, ending.n_completed) == ("budget", 2, 2)
    assert refused == ["nothing more is made: budget"] * 2
    assert {outcome.trial: outcome.values for outcome in campaign.outcomes}["T0002"] == point
    assert "T0002 suggested by K. Sato: as last year" in [happening.text for happening in happenings]
    again, _, _ = run(tmp_path, n_trials=2, in_flight=1)
    assert again.optimizer.checkpoint() == campaign.optimizer.checkpoint()
    with Store.read(tmp_path) as store:
        trials = trials_of(store, "ito-night", campaign.checked.objectives)
        assert retold(campaign.checked, store, trials).by == {"T0002": "K. Sato: as last year"}


# Little to gain.


def test_a_campaign_ends_when_little_is_left_to_gain_and_remembers_it(tmp_path):
    changes = {"n_trials": 8, "in_flight": 1, "stop": StopEntry(gain=GainEntry(below=1e9, per="hour", in_a_row=1))}
    _, ending, _ = run(tmp_path, **changes)
    lines = [json.loads(line) for line in (tmp_path / "decisions.jsonl").read_text().splitlines()]
    gains = [line["gain"] for line in lines if line["decision"] == "foretold"]
    assert (ending.reason, ending.n_trials, len(gains)) == ("little to gain", 3, 1) and gains[0] > 0
    _, ending, _ = run(tmp_path, **changes)
    assert (ending.reason, ending.n_trials) == ("little to gain", 3)
