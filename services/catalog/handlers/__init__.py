"""What the catalog does, one use case a module; what it shows, one noun a module."""
