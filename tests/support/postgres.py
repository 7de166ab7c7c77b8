"""A PostgreSQL server for tests: the same child process that the bench measures on."""

from tools.dev.postgres import PostgresServer
from tools.dev.postgres_host import PostgresMissing, find_binaries

__all__ = ["PostgresMissing", "PostgresServer", "find_binaries"]
