"""What tests stand on: real servers to talk to, and a way to wait."""
