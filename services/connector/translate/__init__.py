"""Between the contracts and the domain, both ways."""
