"""The gRPC messages as Python classes, made from the service's proto; they need the extra `grpc`."""
