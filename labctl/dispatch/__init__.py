"""Which operation runs next on which station."""

from labctl.dispatch._dispatcher import Dispatcher, Load
from labctl.dispatch._places import Places
from labctl.dispatch._traveller import Traveller

__all__ = ["Dispatcher", "Load", "Places", "Traveller"]
