"""What people and builds run: never imported by libs or services."""
