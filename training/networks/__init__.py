"""The networks: SVR-Hand, made of modules that are handed their parts, and `build`, which chooses the parts.

A network opens no file, knows no configuration and never sees a label. Legend of the shape comments: B batch,
J = 21 joints, V = 778 vertices, V0 = 49 vertices of the coarsest level, T trunk channels (128 in the paper),
C = 8 T, L latent channels.
"""
