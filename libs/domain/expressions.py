"""What is wrong with an expression."""


class ExpressionProblem(Exception):
    """Why an expression can't be evaluated, or is neither true nor false; in words."""
