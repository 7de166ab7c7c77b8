"""The libraries over real databases, a real broker and real channels."""
