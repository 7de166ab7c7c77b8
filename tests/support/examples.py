"""With how many examples a property is tried: few in `make test`, any number in the soaks."""

import os

_ASKED = os.environ.get("SOAK_EXAMPLES", "")

# The slower properties are tried with the same examples in each run of the tests; a soak looks for
# others.
SAME_EACH_RUN = not _ASKED


def examples(usual: int) -> int:
    """How many; `usual`: those of `make test`."""
    return int(_ASKED or usual)
