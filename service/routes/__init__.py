"""The HTTP routes: validate, call, shape."""
