"""What operates the service: the local Triton, `make serve`, and the benchmark."""
