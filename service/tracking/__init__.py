"""Following one hand through a stream of pictures."""
