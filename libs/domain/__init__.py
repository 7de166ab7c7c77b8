"""Words that every service's domain shares. Standard library only."""
