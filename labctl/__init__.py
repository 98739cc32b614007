"""The laboratory controller: what runs on which station, recorded whole, chosen by an optimizer."""

__version__ = "0.1.0"
__all__ = ["__version__"]
