"""gRPC in and out: servers, channels, callers and errors."""
