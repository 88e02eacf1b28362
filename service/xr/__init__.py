"""The hand as AR software knows it."""
