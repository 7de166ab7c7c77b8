"""A PostgreSQL server for tests: the same child process that the bench measures on."""

from tools.dev.postgres import PostgresMissing, PostgresServer, find_binaries

__all__ = ["PostgresMissing", "PostgresServer", "find_binaries"]
