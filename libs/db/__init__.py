"""PostgreSQL and SQLite: reading, and the one way to write."""
