"""Readouts: what expression and methylation say of a line beside its copy number."""
