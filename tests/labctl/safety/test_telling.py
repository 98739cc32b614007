import pytest

from labctl.safety import Alarm, alarm_notice


@pytest.mark.parametrize(("severity", "told"), [("alarm", "critical"), ("warning", "warning")])
def test_people_are_told_of_an_alarm_what_is_wrong_where_and_what_is_done(severity, told):
    alarm = Alarm(
        "too_hot", "furnace_a_control.temperature 1213 above 1200 degC", severity, "safe", 5.0, ("furnace_a",)
    )
    notice = alarm_notice(alarm, 9.0, "ito-night")
    assert (notice.kind, notice.severity, notice.subject, notice.time) == ("alarm", told, "too_hot", 9.0)
    assert notice.text == "furnace_a_control.temperature 1213 above 1200 degC\naction: safe"
    assert notice.about.fields() == {"campaign": "ito-night", "station": "furnace_a"}
