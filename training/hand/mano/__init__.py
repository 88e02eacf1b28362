"""MANO as a `HandModel`: reads a user's own `MANO_RIGHT.pkl` or `MANO_LEFT.pkl` and poses the hand.

Nothing of MANO is in this repository: its files are under a licence that forbids passing them on, and users
get them from https://mano.is.tue.mpg.de. Source: Romero, Tzionas and Black, "Embodied Hands" (2017), the
equations of SMPL (Loper et al. 2015) that it shares, and spec sections 1, 7.1 and 7.2.
"""

from training.hand.mano.hand import ManoHand, load_mano

__all__ = ["ManoHand", "load_mano"]
