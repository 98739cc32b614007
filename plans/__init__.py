"""Operations as Bluesky plans, usable in any RunEngine."""

from plans._operation import OperationPlan
from plans.anneal import anneal
from plans.apply_settings import apply_settings
from plans.dispense import dispense
from plans.look_up import look_up
from plans.map_sheet_resistance import map_sheet_resistance
from plans.measure_capacitance_voltage import measure_capacitance_voltage
from plans.measure_current_voltage import measure_current_voltage
from plans.measure_resistance_temperature import measure_resistance_temperature
from plans.measure_sheet_resistance import measure_sheet_resistance
from plans.measure_sheet_resistance_delta import measure_sheet_resistance_delta
from plans.measure_transmittance import measure_transmittance
from plans.mix_gases import mix_gases
from plans.pump_down import pump_down
from plans.run_process_program import run_process_program
from plans.run_programme import run_programme
from plans.spin_coat import spin_coat
from plans.sputter import sputter
from plans.sputter_rf import sputter_rf
from plans.take_readings import take_readings
from plans.transfer import transfer
from plans.vent import vent
from plans.weigh import weigh

OPERATIONS = {
    plan.__name__: plan
    for plan in (
        anneal,
        apply_settings,
        dispense,
        look_up,
        map_sheet_resistance,
        measure_capacitance_voltage,
        measure_current_voltage,
        measure_resistance_temperature,
        measure_sheet_resistance,
        measure_sheet_resistance_delta,
        measure_transmittance,
        mix_gases,
        pump_down,
        run_process_program,
        run_programme,
        spin_coat,
        sputter,
        sputter_rf,
        take_readings,
        transfer,
        vent,
        weigh,
    )
}
"""Every operation there is, by kind."""

__all__ = [
    "OPERATIONS",
    "OperationPlan",
    "anneal",
    "apply_settings",
    "dispense",
    "look_up",
    "map_sheet_resistance",
    "measure_capacitance_voltage",
    "measure_current_voltage",
    "measure_resistance_temperature",
    "measure_sheet_resistance",
    "measure_sheet_resistance_delta",
    "measure_transmittance",
    "mix_gases",
    "pump_down",
    "run_process_program",
    "run_programme",
    "spin_coat",
    "sputter",
    "sputter_rf",
    "take_readings",
    "transfer",
    "vent",
    "weigh",
]
