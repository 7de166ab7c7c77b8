"""Stand-ins that implement the ports: real enough to be wrong when they are misused."""
