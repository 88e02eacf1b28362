"""Half an hour of real traffic on the real service: does anything grow, and is anybody refused?"""
