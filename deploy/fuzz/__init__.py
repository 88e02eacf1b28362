"""Hostile pictures against decoding and cropping, in processes that may die: `make fuzz`."""
