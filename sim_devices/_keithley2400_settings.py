"""The settings of a Keithley 2400: headers, values after ``*RST``, limits.

Source: Keithley, Series 2400 SourceMeter User's Manual 2400S-900-01 rev. K, tables 18-1 to 18-11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim_devices.scpi_table import Value, real, switch, text, whole, word

MOST_READINGS = 2500
"""That the store holds, and that one measurement takes."""
V_RANGES, I_RANGES = (0.21, 2.1, 21.0, 210.0), (1.05e-6, 1.05e-5, 1.05e-4, 1.05e-3, 1.05e-2, 0.105, 1.05)
R_RANGES = tuple(2.1 * 10.0**n for n in range(1, 9))


def _level(source: str, default: float, high: float, ranges: Sequence[float]) -> dict[str, Value]:
    root, key = f"[:SOURce[1]]:{source}", "source_" + source[:4].lower()
    return {
        f"{key}": real(f"{root}[:LEVel][:IMMediate][:AMPLitude]", 0.0, -high, high),
        f"{key}_triggered": real(f"{root}[:LEVel]:TRIGgered[:AMPLitude]", 0.0, -high, high),
        f"{key}_range": real(f"{root}:RANGe", default, -high, high, ranges=ranges),
        f"{key}_range_auto": switch(f"{root}:RANGe:AUTO", True),
        f"{key}_mode": word(f"{root}:MODE", "FIX", "FIXed", "SWEep", "LIST"),
        f"{key}_start": real(f"{root}:STARt", 0.0, -high, high),
        f"{key}_stop": real(f"{root}:STOP", 0.0, -high, high),
        f"{key}_step": real(f"{root}:STEP", 0.0, -2 * high, 2 * high),
    }


def _sense(function: str, default: float, high: float, ranges: Sequence[float], low: float = 0.0) -> dict[str, Value]:
    root = f":SENSe[1]:{function}"
    key = function[:4].lower() if function.startswith(("VOLT", "CURR")) else "res"
    return {
        f"{key}_range": real(f"{root}:RANGe[:UPPer]", default, low, high, ranges=ranges),
        f"{key}_range_auto": switch(f"{root}:RANGe:AUTO", True),
        f"{key}_nplc": real(f"{root}:NPLCycles", 1.0, 0.01, 10.0, "{:.2f}".format),
    }


SETTINGS: Mapping[str, Value] = {
    "source": word("[:SOURce[1]]:FUNCtion[:MODE]", "VOLT", "VOLTage", "CURRent", "MEMory"),
    "delay": real("[:SOURce[1]]:DELay", 0.001, 0.0, 9999.998),
    "delay_auto": switch("[:SOURce[1]]:DELay:AUTO", True),
    "output_clears": switch("[:SOURce[1]]:CLEar:AUTO", False),
    "points": whole("[:SOURce[1]]:SWEep:POINts", MOST_READINGS, 2, MOST_READINGS),
    "spacing": word("[:SOURce[1]]:SWEep:SPACing", "LIN", "LINear", "LOGarithmic"),
    "direction": word("[:SOURce[1]]:SWEep:DIRection", "UP", "UP", "DOWN"),
    "ranging": word("[:SOURce[1]]:SWEep:RANGing", "BEST", "BEST", "AUTO", "FIXed"),
    "abort": word("[:SOURce[1]]:SWEep:CABort", "NEV", "NEVer", "EARLy", "LATE"),
    "protection": real("[:SOURce[1]]:VOLTage:PROTection[:LEVel]", 210.0, -210.0, 210.0),
    **_level("VOLTage", 21.0, 210.0, V_RANGES),
    **_level("CURRent", 1.05e-4, 1.05, I_RANGES),
    **_sense("VOLTage[:DC]", 21.0, 210.0, V_RANGES, -210.0),
    **_sense("CURRent[:DC]", 1.05e-4, 1.05, I_RANGES, -1.05),
    **_sense("RESistance", 2.1e5, 2.1e8, R_RANGES),
    "compliance_volt": real(":SENSe[1]:VOLTage[:DC]:PROTection[:LEVel]", 21.0, -210.0, 210.0),
    "compliance_curr": real(":SENSe[1]:CURRent[:DC]:PROTection[:LEVel]", 1.05e-4, -1.05, 1.05),
    "concurrent": switch(":SENSe[1]:FUNCtion:CONCurrent", True),
    "res_mode": word(":SENSe[1]:RESistance:MODE", "AUTO", "AUTO", "MANual"),
    "res_compensated": switch(":SENSe[1]:RESistance:OCOMpensated", False),
    "filter": switch(":SENSe[1]:AVERage[:STATe]", False),
    "filter_type": word(":SENSe[1]:AVERage:TCONtrol", "REP", "REPeat", "MOVing"),
    "filter_count": whole(":SENSe[1]:AVERage:COUNt", 10, 1, 100),
    "on": switch(":OUTPut[1][:STATe]", False),
    "off_state": word(":OUTPut[1]:SMODe", "NORM", "HIMPedance", "NORMal", "ZERO", "GUARd"),
    "interlock": switch(":OUTPut[1]:INTerlock:STATe", False),
    "terminals": word(":ROUTe:TERMinals", "FRON", "FRONt", "REAR"),
    "four_wire": switch(":SYSTem:RSENse", False),
    "line_frequency": real(":SYSTem:LFRequency", 50.0, 50.0, 60.0, "{:.0f}".format, lasting=True),
    "line_frequency_auto": switch(":SYSTem:LFRequency:AUTO", True, lasting=True),
    "beeper": switch(":SYSTem:BEEPer:STATe", True),
    "display": switch(":DISPlay:ENABle", True),
    "display_digits": whole(":DISPlay:DIGits", 6, 4, 7),
    "display_text": text(":DISPlay[:WINDow[1]]:TEXT:DATA", "", 20),
    "display_text_on": switch(":DISPlay[:WINDow[1]]:TEXT:STATe", False),
    "arm_count": whole(":ARM[:SEQuence[1]][:LAYer[1]]:COUNt", 1, 1, MOST_READINGS),
    "arm_source": word(
        ":ARM[:SEQuence[1]][:LAYer[1]]:SOURce",
        "IMM",
        *("IMMediate", "TLINk", "TIMer", "MANual", "BUS", "NSTest", "PSTest", "BSTest"),
    ),
    "arm_timer": real(":ARM[:SEQuence[1]][:LAYer[1]]:TIMer", 0.1, 0.001, 99999.99),
    "arm_input": whole(":ARM[:SEQuence[1]][:LAYer[1]][:TCONfigure]:ILINe", 1, 1, 4),
    "arm_output": whole(":ARM[:SEQuence[1]][:LAYer[1]][:TCONfigure]:OLINe", 2, 1, 4),
    "arm_event": word(":ARM[:SEQuence[1]][:LAYer[1]][:TCONfigure]:OUTPut", "NONE", "TENTer", "TEXit", "NONE"),
    "trigger_count": whole(":TRIGger[:SEQuence[1]]:COUNt", 1, 1, MOST_READINGS),
    "trigger_delay": real(":TRIGger[:SEQuence[1]]:DELay", 0.0, 0.0, 999.9999),
    "trigger_source": word(":TRIGger[:SEQuence[1]]:SOURce", "IMM", "IMMediate", "TLINk"),
    "trigger_input": whole(":TRIGger[:SEQuence[1]][:TCONfigure]:ILINe", 1, 1, 4),
    "trigger_output": whole(":TRIGger[:SEQuence[1]][:TCONfigure]:OLINe", 2, 1, 4),
    "trigger_event": word(":TRIGger[:SEQuence[1]][:TCONfigure]:OUTPut", "NONE", "SOURce", "DELay", "SENSe", "NONE"),
    "buffer": whole(":TRACe:POINts", 100, 1, MOST_READINGS),
    "feed": word(":TRACe:FEED", "SENS", "SENSe[1]", "CALCulate[1]", "CALCulate2"),
    "feed_control": word(":TRACe:FEED:CONTrol", "NEV", "NEXT", "NEVer"),
    "stamps": word(":TRACe:TSTamp:FORMat", "ABS", "ABSolute", "DELTa"),
    "statistic": word(":CALCulate3:FORMat", "MEAN", "MEAN", "SDEViation", "MAXimum", "MINimum", "PKPK"),
}
