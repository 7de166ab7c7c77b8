"""Between the contracts' messages and the domain's words: one module per file of the contract.

Requests are checked here for shape, and become commands.
"""
