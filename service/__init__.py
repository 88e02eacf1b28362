"""The gateway: HTTP in, Triton behind, meshes out. Never imports `training`."""

from importlib.metadata import version

__version__ = version("simahand")
