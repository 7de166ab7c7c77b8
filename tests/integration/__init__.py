"""Parts of Latchkey and its tools against real servers."""
