"""Triton on a machine without containers: `install` assembles it, `server` runs it."""
