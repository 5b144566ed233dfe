"""The scripts are programs, not a package: their folder joins the path for their tests."""

from __future__ import annotations

import os
import sys

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "scripts")
sys.path[:0] = [SCRIPTS, os.path.join(SCRIPTS, "pyz")]
