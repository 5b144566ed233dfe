"""A browser for ``$BROWSER`` that waits for the test: ``asked_browser.py FOLDER URL``.

It adds a line to the file ``opened`` in FOLDER, waits until the file ``answer`` is there, and does what that says:
``sign in`` (by the robot), or ``deny``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from urllib.parse import parse_qs, urlencode, urlsplit

HERE = os.path.dirname(os.path.abspath(__file__))
ROBOT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts", "robot.py")
LONGEST = 60

folder, url = sys.argv[1:]
with open(os.path.join(folder, "opened"), "a", encoding="ascii") as file:
    file.write("once\n")

path = os.path.join(folder, "answer")
deadline = time.monotonic() + LONGEST
while not os.path.exists(path) and time.monotonic() < deadline:
    time.sleep(0.05)
with open(path, encoding="ascii") as file:
    answer = file.read()

if answer == "sign in":
    subprocess.run([sys.executable, ROBOT, url], check=True, timeout=LONGEST)
else:
    query = parse_qs(urlsplit(url).query)
    denial = {"error": "access_denied", "state": query["state"][0], "iss": url.partition("/authorize?")[0]}
    urllib.request.urlopen(f"{query['redirect_uri'][0]}?{urlencode(denial)}", timeout=LONGEST).close()
