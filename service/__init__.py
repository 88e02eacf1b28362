"""The gateway: HTTP in, Triton behind, meshes out. Never imports `training`."""
