"""Live streams of frames: what goes over them, what carries them, and what keeps them going."""
