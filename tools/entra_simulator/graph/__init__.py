"""Microsoft Graph's routes, one module for each noun, over one table in `routes`."""
