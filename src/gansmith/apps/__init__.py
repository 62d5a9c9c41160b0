"""One function per thing a user does; the command line and the Python API are thin over these."""
