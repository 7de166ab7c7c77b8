"""Policies as YAML, which people keep in Git: read, and written always in the same way.

Its form is shown in docs/operating.md, "Policies in Git".
"""
