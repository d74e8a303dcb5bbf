"""The name and the port of the local stack, as each command of `interlock` assumes them."""

LOCAL = "local"
PORT = 4566
