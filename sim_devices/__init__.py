"""Simulated instruments that answer on the wire, and the physics behind them."""
