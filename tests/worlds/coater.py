"""SECS/GEM equipment as a process of its own: ``python coater.py PORT``."""

import sys
import threading

from secsgem.common import DeviceType
from secsgem.gem import CollectionEvent, EquipmentConstant, GemEquipmentHandler, RemoteCommand, StatusVariable
from secsgem.hsms import HsmsConnectMode, HsmsSettings
from secsgem.secs.variables import F8, I4, U4, String


class Coater(GemEquipmentHandler):
    """Coats for 1 s, and gives up the program BAD."""

    def __init__(self, settings):
        super().__init__(settings)
        self._mdln, self.selected = "COAT-300", ""
        for number, name, kind, value in (
            (2101, "speed", F8, 0.0),
            (2102, "wafers", U4, 7),
            (2103, "model", String, "COAT-300"),
        ):
            made = StatusVariable(number, name, "", kind, use_callback=False)
            made.value = value
            self.status_variables[number] = made
        constant = EquipmentConstant(2001, "acceleration", 100, 5000, 1000, "rpm/s", I4, use_callback=False)
        self.equipment_constants[2001] = constant
        for number, name in ((5001, "started"), (5002, "coated"), (5003, "given_up"), (5009, "command")):
            self.collection_events[number] = CollectionEvent(number, name, [])
        self.remote_commands["PP_SELECT"] = RemoteCommand("PP_SELECT", "select", ["PPID"], 5009)
        self.remote_commands["START"] = RemoteCommand("START", "start", [], 5009)
        self.remote_commands["STOP"] = RemoteCommand("STOP", "stop", [], 5009)
        self.callbacks.rcmd_PP_SELECT = self.select
        self.callbacks.rcmd_START = self.begin
        self.callbacks.rcmd_STOP = self.abort
        self.register_stream_function(7, 19, lambda *_: self.stream_function(7, 20)(["THIN", "BAD"]))
        self.register_stream_function(7, 5, self.body)

    def body(self, handler, message):
        name = self.settings.streams_functions.decode(message).get()
        return self.stream_function(7, 6)({"PPID": name, "PPBODY": f"{name}: 3000 rpm, 30 s"})

    def select(self, PPID):
        self.selected = PPID

    def begin(self):
        self.status_variables[2101].value = 3000.0
        self.trigger_collection_events([5001])
        threading.Timer(1.0, self.end).start()

    def end(self):
        self.status_variables[2101].value = 0.0
        self.status_variables[2102].value += 1
        self.trigger_collection_events([5003 if self.selected == "BAD" else 5002])

    def abort(self):
        self.selected = ""


if __name__ == "__main__":
    settings = HsmsSettings(
        address="127.0.0.1",
        port=int(sys.argv[1]),
        connect_mode=HsmsConnectMode.PASSIVE,
        device_type=DeviceType.EQUIPMENT,
    )
    Coater(settings).enable()
    threading.Event().wait()
