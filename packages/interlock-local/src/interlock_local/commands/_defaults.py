"""The name and the port of the local stack, which each command of `interlock` assumes."""

LOCAL = "local"
PORT = 4566
