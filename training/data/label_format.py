"""Sizes and words of labels in MANO's form, for what reads them without a hand model."""

RIGHT, LEFT = "right", "left"
FINGER_NUMBERS = 45
"""Axis-angles, or principal components, of the 15 finger bones."""
BETAS = 10
"""Shape parameters."""
