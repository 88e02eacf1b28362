"""Break what a gateway stands on, or lean on it, and count what its callers saw."""
