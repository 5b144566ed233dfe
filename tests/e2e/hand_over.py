"""A browser for ``--browser`` that opens nothing: it writes the URL into the file named first, for the test."""

from __future__ import annotations

import os
import sys

path, url = sys.argv[1], sys.argv[-1]
with open(path + ".new", "w", encoding="utf-8") as file:
    file.write(url)
os.replace(path + ".new", path)  # whoever waits for the file finds it whole
