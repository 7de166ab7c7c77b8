"""The first thing that the process of a service does."""

import gc
import importlib


def enter(wiring: str) -> None:
    """Loads a service by the name of its wiring, and runs it to its end."""
    # Nearly all that is loaded stays for good: to look for garbage in it, again and again while it
    # grows, would take a seventh of the start.
    gc.disable()
    service = importlib.import_module(wiring)
    gc.freeze()
    gc.enable()
    service.run()
