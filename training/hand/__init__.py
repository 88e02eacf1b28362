"""The hand: template, mesh hierarchy, skinning, shape space and poses.

The template is our own cut of the CC0 MakeHuman base mesh (`build.py`). What the networks need of a hand is a
`HandTopology`; what moves one is a `HandModel`. A licensed MANO enters through the same two.
"""
