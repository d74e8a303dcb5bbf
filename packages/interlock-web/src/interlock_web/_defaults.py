"""Values of the command line. They load nothing."""

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 4580
LOCAL = "local"
LOCAL_ENDPOINT = "http://127.0.0.1:4566"
MOST_DAYS = 31
