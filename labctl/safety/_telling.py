"""Alarms as people are told of them."""

from __future__ import annotations

from labctl.notices import About, Notice
from labctl.safety._alarms import Alarm


def alarm_notice(alarm: Alarm, time: float, campaign: str = "") -> Notice:
    """Return what people are told of an alarm; for `Actions.warn`.

    Args:
        alarm: that was raised.
        time: of day, on the lab's clock [s since 1970-01-01 UTC].
        campaign: that runs.
    """
    text = f"{alarm.message}\naction: {alarm.action}"
    about = About(campaign, station=", ".join(alarm.stations))
    return Notice("alarm", "critical" if alarm.severity == "alarm" else "warning", alarm.name, time, text, about)
