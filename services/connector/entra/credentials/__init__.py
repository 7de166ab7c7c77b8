"""What the connector proves itself with: secrets, certificates, tokens of others, the machine."""
