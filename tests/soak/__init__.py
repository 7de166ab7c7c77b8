"""What takes minutes: `make soak`, and no part of `make test`. Each prints what it measured."""
