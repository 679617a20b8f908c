"""Quality: the figures of a measurement against their thresholds, its sex, foreign DNA."""
