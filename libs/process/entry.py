"""The first thing that the process of a service does."""

import gc
import importlib
import sys

# structlog and httpx draw with these on a terminal, if somebody installed them. A service draws
# nothing, and they are four megabytes and a twentieth of the start.
_LEFT_OUT = ("rich", "click")


def enter(wiring: str) -> None:
    """Loads a service by the name of its wiring, and runs it to its end."""
    # Nearly all that is loaded stays for good: to look for garbage in it, again and again while it
    # grows, would take a seventh of the start.
    gc.disable()
    for name in _LEFT_OUT:
        # None is how the import system spells "not installed".
        sys.modules[name] = None  # type: ignore[assignment]
    service = importlib.import_module(wiring)
    gc.freeze()
    gc.enable()
    service.run()
