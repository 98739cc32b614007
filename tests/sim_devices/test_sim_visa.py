"""The simulated VISA library behaves as the standard says, whatever the bus."""

import pytest
import pyvisa
from pyvisa.constants import BufferOperation, InterfaceType, ResourceAttribute, StatusCode

from sim_devices.recipe_table import SimRecipeTable
from sim_devices.vaisala_hmt330 import SimVaisalaHMT330
from sim_devices.wire import Fault

GPIB, USB = "GPIB0::5::INSTR", "USB0::0x1313::0x8078::P1::0::INSTR"
VXI, SOCKET = "TCPIP0::10.0.0.1::inst0::INSTR", "TCPIP0::10.0.0.1::5025::SOCKET"
SERIAL = "ASRL1::INSTR"
EVERY_BUS = (GPIB, USB, VXI, SOCKET, SERIAL)
MESSAGE_BASED = (GPIB, USB, VXI)


def table(bench, faults=()):
    return SimRecipeTable(bench.clock, 1, [{"hardness": 1.5}], faults)


def code_of(caught):
    return caught.value.error_code


@pytest.mark.parametrize("address", EVERY_BUS)
def test_a_query_is_answered_after_the_instruments_delay(bench, address):
    resource = bench.connect(address, table(bench), read_termination="\n", write_termination="\n")
    assert resource.query("*IDN?") == "labctl,recipe-table,0,1.0"
    assert bench.clock.monotonic() == pytest.approx(0.005)


@pytest.mark.parametrize("address", EVERY_BUS)
def test_a_read_without_a_reply_times_out_on_the_lab_clock(bench, address):
    resource = bench.connect(address, table(bench), read_termination="\n")
    resource.timeout = 700
    with pytest.raises(pyvisa.VisaIOError) as caught:
        resource.read()
    assert code_of(caught) == StatusCode.error_timeout
    assert bench.clock.monotonic() == pytest.approx(0.7)


@pytest.mark.parametrize("address", MESSAGE_BASED)
def test_the_end_of_a_message_ends_a_read_without_termination(bench, address):
    resource = bench.connect(address, table(bench))
    resource.write_raw(b"*IDN?\n")
    assert resource.read_raw() == b"labctl,recipe-table,0,1.0\n"


@pytest.mark.parametrize("address", [SOCKET])
def test_a_stream_without_termination_never_ends_a_read(bench, address):
    resource = bench.connect(address, table(bench))
    resource.write_raw(b"*IDN?\n")
    with pytest.raises(pyvisa.VisaIOError):
        resource.read_raw()


def test_a_reply_is_read_in_pieces(bench):
    resource = bench.connect(SERIAL, table(bench), read_termination="\n")
    resource.write_raw(b"*IDN?\n:ROW?\n")
    assert resource.read_bytes(6) == b"labctl"
    assert resource.read() == ",recipe-table,0,1.0"
    assert resource.read() == "0"


def test_two_replies_on_a_message_based_bus_are_two_messages(bench):
    resource = bench.connect(GPIB, table(bench))
    resource.write_raw(b"*IDN?\n:ROW?\n")
    assert resource.read_raw().startswith(b"labctl")
    assert resource.read_raw() == b"0\n"


def test_another_termination_character_is_obeyed(bench):
    resource = bench.connect(SERIAL, table(bench), read_termination=",")
    resource.write_raw(b"*IDN?\n")
    assert [resource.read() for _ in range(3)] == ["labctl", "recipe-table", "0"]


def test_message_available_is_set_while_a_reply_waits(bench):
    resource = bench.connect(GPIB, table(bench))
    assert resource.read_stb() & 16 == 0
    resource.write_raw(b"*IDN?\n")
    assert resource.read_stb() & 16 == 0
    bench.clock.sleep(0.01)
    assert resource.read_stb() & 16
    resource.read_raw()
    assert resource.read_stb() & 16 == 0


def test_the_status_byte_tells_of_the_error_queue(bench):
    resource = bench.connect(USB, table(bench))
    resource.write_raw(b":NONSENSE\n")
    assert resource.read_stb() & 4


@pytest.mark.parametrize("address", [SERIAL, SOCKET])
def test_a_stream_has_no_status_byte(bench, address):
    resource = bench.connect(address, table(bench))
    with pytest.raises(pyvisa.VisaIOError) as caught:
        resource.read_stb()
    assert code_of(caught) == StatusCode.error_nonsupported_operation


@pytest.mark.parametrize("address", MESSAGE_BASED)
def test_clear_calls_back_replies_and_half_requests(bench, address):
    resource = bench.connect(address, table(bench))
    resource.write_raw(b"*IDN?\n:RO")
    resource.clear()
    resource.write_raw(b":ROW?\n")
    assert resource.read_raw() == b"0\n"


def test_what_is_still_on_a_line_survives_a_flush(bench):
    resource = bench.connect(SERIAL, table(bench), read_termination="\n")
    resource.write_raw(b"*IDN?\n")
    bench.clock.sleep(0.01)
    resource.flush(BufferOperation.flush_write_buffer)
    assert resource.bytes_in_buffer == 26
    resource.write_raw(b":ROW?\n")
    resource.flush(BufferOperation.discard_read_buffer)
    assert resource.read() == "0"


def test_what_was_sent_on_a_closed_socket_does_not_come_on_the_next(bench):
    resource = bench.connect(SOCKET, table(bench), read_termination="\n")
    resource.write_raw(b"*IDN?\n")
    resource.close()
    resource = bench.manager.open_resource(SOCKET, read_termination="\n")
    resource.write_raw(b":ROW?\n")
    assert resource.read() == "0"


def test_an_empty_address_is_not_found(bench):
    with pytest.raises(pyvisa.VisaIOError) as caught:
        bench.manager.open_resource("GPIB0::9::INSTR")
    assert code_of(caught) == StatusCode.error_resource_not_found


def test_a_pulled_cable_is_a_lost_connection(bench):
    resource = bench.connect(GPIB, table(bench, [Fault("disconnected", start_s=1.0)]))
    bench.clock.sleep(1.0)
    for act in (lambda: resource.write_raw(b"*IDN?\n"), resource.read_raw, resource.read_stb, resource.clear):
        with pytest.raises(pyvisa.VisaIOError) as caught:
            act()
        assert code_of(caught) == StatusCode.error_connection_lost
    with pytest.raises(pyvisa.VisaIOError):
        bench.manager.open_resource(GPIB)


def test_a_closed_session_is_invalid_and_closes_twice(bench):
    resource = bench.connect(GPIB, table(bench))
    handle = resource.session
    resource.close()
    assert bench.library.close(handle) == StatusCode.success
    with pytest.raises(pyvisa.VisaIOError) as caught:
        bench.library.read(handle, 10)
    assert code_of(caught) == StatusCode.error_invalid_object


def test_resources_are_listed_by_pattern(bench):
    for address in EVERY_BUS:
        bench.library.add(address, table(bench))
    assert set(bench.manager.list_resources("?*")) == set(EVERY_BUS)
    assert bench.manager.list_resources("GPIB?*") == (GPIB,)
    assert SOCKET not in bench.manager.list_resources()


@pytest.mark.parametrize("address", ["nowhere", "", "ASRL"])
def test_a_malformed_address_is_refused(bench, address):
    with pytest.raises(ValueError, match="VISA address"):
        bench.library.add(address, table(bench))


def test_an_occupied_address_is_refused(bench):
    bench.library.add(GPIB, table(bench))
    with pytest.raises(ValueError, match="is taken"):
        bench.library.add("GPIB::5", table(bench))


def test_attributes_are_kept_or_have_the_standards_default(bench):
    resource = bench.connect(SERIAL, SimVaisalaHMT330(bench.clock, 1, bench.ambient), baud_rate=4800)
    assert resource.baud_rate == 4800
    assert resource.interface_type == InterfaceType.asrl
    assert resource.get_visa_attribute(ResourceAttribute.resource_name) == SERIAL
    assert resource.data_bits == 8


def test_an_attribute_of_another_bus_is_not_supported(bench):
    resource = bench.connect(GPIB, table(bench))
    for act in (
        lambda: resource.get_visa_attribute(ResourceAttribute.asrl_data_bits),
        lambda: resource.set_visa_attribute(ResourceAttribute.asrl_data_bits, 7),
    ):
        with pytest.raises(pyvisa.VisaIOError) as caught:
            act()
        assert code_of(caught) == StatusCode.error_nonsupported_attribute


def test_two_libraries_do_not_share_instruments(bench):
    from sim_devices.wire import SimVisaLibrary

    bench.library.add(GPIB, table(bench))
    other = pyvisa.ResourceManager(SimVisaLibrary.create(bench.clock))
    assert other.list_resources("?*") == ()
    other.close()


def test_an_endless_time_out_waits_for_the_reply(bench):
    resource = bench.connect(GPIB, table(bench, [Fault("late", amount=5000.0)]))
    resource.timeout = None
    resource.write_raw(b":ROW?\n")
    assert resource.read_raw() == b"0\n"
    assert bench.clock.monotonic() == pytest.approx(5000.005)
