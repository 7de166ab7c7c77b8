"""Between the contracts and the domain: the one room that speaks both."""
