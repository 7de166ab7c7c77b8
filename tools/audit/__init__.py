"""The audit chain outside of the service that keeps it: exported, and verified by whoever has the
export and a public key."""
