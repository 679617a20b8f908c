"""Signals: measurements as levels and alleles, their noise, and the contrast with the baseline."""
