"""Measures the house from outside, as its users meet it."""
