"""A soft IOC of a hot plate, run as a process of its own: ``python ioc.py PREFIX``."""

import sys

from caproto import ChannelType
from caproto.server import PVGroup, pvproperty, run


class HotPlate(PVGroup):
    """Its temperature is its set point while the heater is on."""

    setpoint = pvproperty(value=25.0, name="SP", units="degC", precision=2)
    heater = pvproperty(value="Off", name="HEAT", dtype=ChannelType.ENUM, enum_strings=["Off", "On"])
    temperature = pvproperty(value=22.0, name="T", units="degC", read_only=True)
    model = pvproperty(value="Example,HP-1,7,1.0", name="ID", dtype=ChannelType.STRING, read_only=True)

    @heater.putter
    async def heater(self, instance, value):
        await self.temperature.write(self.setpoint.value if value == "On" else 22.0)
        return value


if __name__ == "__main__":
    run(HotPlate(prefix=sys.argv[1]).pvdb, interfaces=["127.0.0.1"], log_pv_names=False)
