"""The whole house on one machine: broker, database, issuer and the four services."""
