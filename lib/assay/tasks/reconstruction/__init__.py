"""Autoencoding, and what codes are worth."""
