import itertools
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from labctl.errors import FileError
from labctl.files import read_yaml
from labctl.lab import check_lab
from labctl.lab._ical import read_calendar
from labctl.lab._opening import StationCalendar
from tests.laboratory import EXAMPLE, SCHEMAS

BERLIN = ZoneInfo("Europe/Berlin")
HEAD = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//labctl//test//EN\nX-WR-TIMEZONE:Europe/Berlin\n"
STAFF = """UID:staff
DTSTART;TZID=Europe/Berlin:20230102T090000
DTEND;TZID=Europe/Berlin:20230102T180000
RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR
EXDATE;TZID=Europe/Berlin:20231122T090000
CATEGORIES:WORKING-HOURS"""
RESERVED = "UID:reserved\nDTSTART:20231120T100000\nDURATION:PT3H\nLOCATION:sputter\\, probe\nSUMMARY:another group"
CLOSED = "UID:closed\nDTSTART;VALUE=DATE:20231224\nDTEND;VALUE=DATE:20240102\nSUMMARY:holidays"
STATIONS = ("sputter", "probe", "furnace_a")


@pytest.fixture
def calendar_of(tmp_path):
    """Return the calendar of a station, by the events of a file."""

    def read(*events, station="sputter", attended=False):
        path = tmp_path / "lab.ics"
        body = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
        path.write_text(f"{HEAD}{body}END:VCALENDAR\n")
        found = read_calendar(path, STATIONS)
        return StationCalendar([event for event in found if event.concerns(station)], attended=attended)

    return read


def at(*clock):
    return datetime(*clock, tzinfo=BERLIN).timestamp()


def opens(calendar, hours, *clock):
    found = calendar.opens(at(*clock), hours * 3600)
    return None if found is None else datetime.fromtimestamp(found, BERLIN).strftime("%Y-%m-%d %H:%M")


def test_a_reservation_takes_the_stations_it_names(calendar_of):
    sputter = calendar_of(RESERVED)
    assert opens(sputter, 0.5, 2023, 11, 20, 9, 30) == "2023-11-20 09:30"
    assert opens(sputter, 0.6, 2023, 11, 20, 9, 30) == "2023-11-20 13:00"
    assert opens(sputter, 1, 2023, 11, 20, 11, 0) == "2023-11-20 13:00"
    assert opens(calendar_of(RESERVED, station="furnace_a"), 9, 2023, 11, 20, 9, 30) == "2023-11-20 09:30"


def test_an_attended_station_works_while_people_are_there(calendar_of):
    attended = calendar_of(STAFF, attended=True)
    assert opens(attended, 1, 2023, 11, 17, 17, 0) == "2023-11-17 17:00"
    assert opens(attended, 1.1, 2023, 11, 17, 17, 0) == "2023-11-20 09:00"  # over the weekend
    assert opens(attended, 1, 2023, 11, 21, 20, 0) == "2023-11-23 09:00"  # nobody comes on the 22nd
    assert opens(attended, 9.1, 2023, 11, 20, 9, 0) is None
    assert opens(calendar_of(STAFF), 30, 2023, 11, 17, 17, 0) == "2023-11-17 17:00"


def test_nine_in_the_morning_stays_nine_when_clocks_change(calendar_of):
    attended = calendar_of(STAFF, attended=True)
    assert opens(attended, 1, 2024, 3, 29, 18, 0) == "2024-04-01 09:00"
    assert at(2024, 4, 1, 9) - at(2024, 3, 29, 9) == 71 * 3600


def test_whole_days_and_presence_come_together(calendar_of):
    assert opens(calendar_of(STAFF, CLOSED, attended=True), 2, 2023, 12, 22, 17, 0) == "2024-01-02 09:00"


def test_events_that_are_cancelled_or_transparent_say_nothing(calendar_of):
    for says_nothing in ("STATUS:CANCELLED", "TRANSP:TRANSPARENT"):
        assert opens(calendar_of(f"{RESERVED}\n{says_nothing}"), 1, 2023, 11, 20, 11, 0) == "2023-11-20 11:00"


def test_one_occurrence_may_have_been_moved(calendar_of):
    weekly = f"{RESERVED}\nRRULE:FREQ=WEEKLY;UNTIL=20231206T000000Z"
    moved = "UID:reserved\nRECURRENCE-ID:20231127T100000\nDTSTART:20231128T100000\nDURATION:PT1H\nLOCATION:sputter"
    calendar = calendar_of(weekly, moved)
    assert opens(calendar, 1, 2023, 11, 27, 11, 0) == "2023-11-27 11:00"
    assert opens(calendar, 1, 2023, 11, 28, 10, 30) == "2023-11-28 11:00"
    assert opens(calendar, 1, 2023, 12, 4, 11, 0) == "2023-12-04 13:00"
    assert opens(calendar, 1, 2023, 12, 11, 11, 0) == "2023-12-11 11:00"


def test_free_time_and_closed_time_make_up_the_whole_over_the_seams_of_months(calendar_of):
    calendar = calendar_of(STAFF, RESERVED, CLOSED, attended=True)
    begin, end = at(2023, 11, 17, 17), at(2024, 11, 17, 17)
    free = list(calendar.free(begin, end))
    assert all(a[1] < b[0] for a, b in itertools.pairwise(free))
    assert sum(b - a for a, b in free) + calendar.down_s(begin, end) == pytest.approx(end - begin)
    n_days = 261 - 1 - 6 - 1  # weekdays, without a holiday, six closed, and all but an hour of the first and last
    assert sum(b - a for a, b in free) / 3600 == pytest.approx(n_days * 9 - 3, abs=10)


def wrong(calendar_of, *events):
    with pytest.raises(FileError) as caught:
        calendar_of(*events)
    return str(caught.value)


def test_everything_that_is_wrong_is_told(calendar_of, tmp_path):
    found = wrong(
        calendar_of,
        RESERVED.replace("probe", "prob"),
        "UID:2\nSUMMARY:backwards\nDTSTART:20231120T100000\nDTEND:20231120T090000",
        "UID:3\nSUMMARY:never\nDTEND:20231120T090000",
    )
    assert "event 'another group', LOCATION: no station is called 'prob'" in found
    assert "did you mean 'probe'" in found or "probe" in found
    assert "event 'backwards': ends before it begins" in found
    assert "event 'never': has no DTSTART" in found
    (tmp_path / "lab.ics").write_text("no calendar\n")
    with pytest.raises(FileError, match="is no iCalendar file"):
        read_calendar(tmp_path / "lab.ics", STATIONS)


def test_a_lab_file_says_who_must_be_there_and_its_calendar_when(tmp_path):
    content = read_yaml(EXAMPLE / "lab.yaml")
    content["stations"]["probe"]["attended"] = True
    problems = [str(problem) for problem in check_lab(content, SCHEMAS, EXAMPLE)[1]]
    assert problems == [
        "stations.probe.attended: a person has to be there, but no event of the category WORKING-HOURS in `calendar` "
        "says when"
    ]
    content["calendar"] = str(tmp_path / "lab.ics")
    (tmp_path / "lab.ics").write_text(f"{HEAD}BEGIN:VEVENT\n{STAFF}\nLOCATION:probe\nEND:VEVENT\nEND:VCALENDAR\n")
    assert check_lab(content, SCHEMAS, EXAMPLE)[1] == []
    content["calendar"] = "nowhere.ics"
    assert "nowhere.ics" in str(check_lab(content, SCHEMAS, EXAMPLE)[1][0])
