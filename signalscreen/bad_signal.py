"""Placeholder until the branch badsignal is merged."""

FLAGS = {"flat": 1, "clipped": 2, "saturated": 4, "lead_off": 8, "low_quality": 16}
