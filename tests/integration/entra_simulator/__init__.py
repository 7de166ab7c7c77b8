"""The Entra simulator over real TLS: what Microsoft answers, it answers too."""
