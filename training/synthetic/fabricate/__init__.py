"""Tiny data sets in the layouts of DexYCB and HanCo, drawn from our own hand (spec section 7.3)."""
