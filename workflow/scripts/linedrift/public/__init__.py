"""Public tier: what may leave the bank."""
