"""A steady hand from one that trembles."""
