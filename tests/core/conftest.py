"""The command line in this process: the fixtures of tests/support/in_process.py."""

from in_process import *  # noqa: F403 - fixtures, which pytest finds by their names here
from raw_server import certificates  # noqa: F401 - as above
