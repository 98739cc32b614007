"""The only place where bytes leave for an instrument."""

from labctl.link._link import Exchange, Link, Plausible
from labctl.link._poller import Job, Poller

__all__ = ["Exchange", "Job", "Link", "Plausible", "Poller"]
