"""Apps, entitlements, links, rules and the directory: what they are and what they refuse."""
