"""The whole house, as its users meet it: real processes, real sockets, kills included."""
