"""The servers that are measured, each a module that serves on the port given as its argument."""
