"""Expressions that people write, evaluated for what is asked of them."""
