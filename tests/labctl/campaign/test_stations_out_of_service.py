"""Stations that people take out of a running campaign."""

from labctl.campaign._decisions import RELEASED, RETIRED
from labctl.campaign._resumption import Resumption


def test_a_station_stays_out_of_service_after_a_restart_until_it_is_released():
    found = Resumption()
    found.take(RETIRED, {"station": "furnace_b", "reason": "taken out of service by K. Sato"})
    assert found.out_of_service == {"furnace_b": "taken out of service by K. Sato"}
    found.take(RELEASED, {"station": "furnace_b", "reason": "released by K. Sato"})
    assert found.out_of_service == {}
