"""A live stream's logic, whatever carries it: the newest frame wins."""
