"""What answers a crop with a hand: Triton, or the same model in this process."""
