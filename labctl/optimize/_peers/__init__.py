"""Optimizers that others wrote, as engines; each is imported when it first chooses."""

from labctl.optimize._peers._padded import PeerEngine

__all__ = ["PeerEngine"]
