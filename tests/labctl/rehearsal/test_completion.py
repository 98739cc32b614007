"""What a line is expected to do, beside what it then does."""

import dataclasses
from pathlib import Path

import pytest

from labctl.app._running import check
from labctl.campaign import ToCome, completion
from labctl.clock import VirtualClock
from labctl.dispatch import Forecast
from labctl.lab import build_lab, build_swift_plant
from labctl.rehearsal import Sketch

LINE = Path(__file__).parents[3] / "examples" / "line" / "campaign.yaml"


def passed(n_trials, in_flight, spread=0.0, after=1):
    """Pass samples over the reference line; return when each ended, and what was expected after so many of them."""
    checked = check(LINE)
    stations = {
        name: entry.model_copy(update={"fittings": {"time_spread": spread}} if name != "mover" else {})
        for name, entry in checked.lab.stations.items()
    }
    checked = dataclasses.replace(checked, lab=checked.lab.model_copy(update={"stations": stations}))
    clock = VirtualClock()
    lab = build_lab(checked.lab, clock, checked.schemas)
    sketch = Sketch(checked, lab, build_swift_plant(checked.lab, clock, 1), in_flight=in_flight)
    expected, ended = [], {}

    def note(outcome):
        ended[f"sketch-{outcome.trial}"] = clock.monotonic()
        if len(ended) == after:
            line = sketch.dispatcher.line
            to_come = {"": ToCome(n_trials - in_flight, in_flight)}
            expected.append(completion(Forecast(line).line, "", 0.0, to_come))
        return False

    sketch.run(n_trials, until=note)
    clock.close()
    lab.close()
    return ended, expected[0]


def test_what_is_expected_of_samples_under_way_comes_to_pass():
    ended, expected = passed(16, 16)
    assert len(expected.samples) == 15
    for sample, at in expected.samples.items():
        assert at == pytest.approx(ended[sample], abs=600)
    assert expected.campaign == pytest.approx(max(ended.values()), rel=0.01)
    assert expected.bottleneck == "coater"
    assert expected.lost == {}


def test_the_end_of_a_campaign_counts_trials_that_were_not_begun():
    ended, expected = passed(24, 8)
    assert max(expected.samples.values()) < 0.6 * max(ended.values())
    assert expected.campaign == pytest.approx(max(ended.values()), rel=0.1)


def test_the_late_estimate_is_late_where_durations_vary():
    ended, expected = passed(16, 16, spread=0.1, after=6)
    assert expected.campaign < expected.campaign_late < 1.4 * expected.campaign
    assert all(expected.samples_late[sample] >= at - 1.0 for sample, at in expected.samples.items())
    assert max(ended.values()) < expected.campaign_late
