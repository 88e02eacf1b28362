"""The benchmark: `python -m deploy.bench` measures the gateway beside what else one would write."""
