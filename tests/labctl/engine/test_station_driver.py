import bluesky.plan_stubs as bps
import pytest
from event_model import schema_validators

from labctl.clock import VirtualClock
from labctl.engine import LabRunEngine, OperationRequest, ScanIds, StationDriver
from labctl.errors import LabError
from labctl.metadata import AccessPolicy, LabMetadata

MD = LabMetadata(
    lab="test",
    station="bench",
    operator="nobody",
    simulated=True,
    versions={},
    source_revision="0",
    policy=AccessPolicy(),
).model_dump()


@pytest.fixture
def clock():
    made = VirtualClock(stall_s=10)
    yield made
    made.close()


class Bench:
    """A station that runs plans without devices."""

    def __init__(self, clock, md=MD, journal=None):
        self.documents, self.results = [], []
        self.clock = clock
        keep = journal or (lambda name, document: self.documents.append((name, document)))
        self.driver = StationDriver("bench", clock, LabRunEngine(clock, md, ScanIds(), keep))

    def do(self, *plans):
        """Run plans one after another; return their results."""
        done = self.clock.make_event()
        for number, plan in enumerate(plans):
            self.driver.submit(OperationRequest(f"op{number}", "test", (), plan), self._ended(done, len(plans)))
        done.wait()
        return self.results

    def _ended(self, done, n):
        def ended(result):
            self.results.append(result)
            if len(self.results) == n:
                done.set()

        return ended

    def close(self):
        self.driver.close()
        self.driver.join(5)


def quick():
    yield from bps.open_run()
    yield from bps.sleep(3600)
    yield from bps.close_run()


def broken():
    yield from bps.open_run()
    raise ValueError("the crucible cracked")


def test_operations_run_one_after_another_on_lab_time(clock):
    bench = Bench(clock)
    assert [result.status for result in bench.do(quick, quick)] == ["success", "success"]
    starts = [document["time"] for name, document in bench.documents if name == "start"]
    assert starts[1] - starts[0] == pytest.approx(3600)
    assert [document["scan_id"] for name, document in bench.documents if name == "start"] == [1, 2]
    bench.close()


def test_a_plan_that_raises_fails_its_run_and_the_station_lives_on(clock):
    bench = Bench(clock)
    first, second = bench.do(broken, quick)
    assert first.status == "fail"
    assert "crucible cracked" in first.reason
    assert first.run_uid
    assert second.status == "success"
    bench.close()


def test_a_plan_that_opens_no_run_is_a_failure(clock):
    bench = Bench(clock)
    (result,) = bench.do(lambda: bps.sleep(1))
    assert (result.status, result.reason, result.run_uid) == ("fail", "no run was recorded", "")
    bench.close()


def test_metadata_that_lacks_what_is_declared_is_refused(clock):
    bench = Bench(clock, {key: value for key, value in MD.items() if key != "operator"})
    (result,) = bench.do(quick)
    assert result.status == "fail"
    assert "operator" in result.reason
    assert bench.documents == []
    bench.close()


def test_a_journal_that_cannot_be_written_fails_the_operation(clock):
    def full(name, document):
        raise LabError("no space left on device")

    bench = Bench(clock, journal=full)
    (result,) = bench.do(quick)
    assert result.status == "fail"
    assert "no space left" in result.reason
    bench.close()


def test_an_abort_from_another_thread_ends_with_its_reason(clock):
    bench = Bench(clock)

    def stop():
        clock.sleep(60)
        assert bench.driver.abort("a person asked")

    with clock.held():
        clock.spawn(stop, "person")
        (result,) = bench.do(quick)
    assert (result.status, result.reason) == ("abort", "a person asked")
    bench.close()


def test_an_idle_station_cannot_be_aborted(clock):
    bench = Bench(clock)
    assert not bench.driver.abort("nothing runs")
    bench.close()


@pytest.mark.parametrize("name", sorted(schema_validators, key=str))
def test_compiled_validators_agree_with_event_models_own(name):
    import jsonschema

    from labctl.engine._validation import fast_validation

    fast_validation()
    with pytest.raises((jsonschema.ValidationError, jsonschema.exceptions.ValidationError)):
        schema_validators[name].validate({"uid": 5, "nonsense": object()})
