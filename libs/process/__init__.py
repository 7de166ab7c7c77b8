"""What makes a service a process: settings, logs, and an orderly end."""
