"""Events: from a contrast to copy-number events, their courses, limits and hotspots."""
