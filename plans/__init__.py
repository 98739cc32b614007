"""Operations as Bluesky plans, usable in any RunEngine."""

from plans._operation import OperationPlan
from plans.anneal import anneal
from plans.apply_settings import apply_settings
from plans.look_up import look_up
from plans.measure_capacitance_voltage import measure_capacitance_voltage
from plans.measure_current_voltage import measure_current_voltage
from plans.measure_sheet_resistance import measure_sheet_resistance
from plans.measure_transmittance import measure_transmittance
from plans.run_process_program import run_process_program
from plans.run_programme import run_programme
from plans.sputter import sputter
from plans.take_readings import take_readings
from plans.transfer import transfer

OPERATIONS = {
    plan.__name__: plan
    for plan in (
        anneal,
        apply_settings,
        look_up,
        measure_capacitance_voltage,
        measure_current_voltage,
        measure_sheet_resistance,
        measure_transmittance,
        run_process_program,
        run_programme,
        sputter,
        take_readings,
        transfer,
    )
}
"""Every operation there is, by kind."""

__all__ = [
    "OPERATIONS",
    "OperationPlan",
    "anneal",
    "apply_settings",
    "look_up",
    "measure_capacitance_voltage",
    "measure_current_voltage",
    "measure_sheet_resistance",
    "measure_transmittance",
    "run_process_program",
    "run_programme",
    "sputter",
    "take_readings",
    "transfer",
]
