"""The four services. They meet in protos and events, nowhere else."""
