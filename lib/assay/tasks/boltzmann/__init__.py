"""Boltzmann machines, belief networks, and pre-training layer by layer."""
