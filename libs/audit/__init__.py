"""The chain of audit records and the heads that are signed over it: what they are, and what walking
them finds.

It knows no database and no wire: a service walks its tables, an auditor walks a file.
"""
