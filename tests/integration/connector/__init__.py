"""The connector whole: real channels, databases and NATS, and Entra's simulator over TLS."""
