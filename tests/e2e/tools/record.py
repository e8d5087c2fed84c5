#!/usr/bin/env python3
"""Append one JSON line {"recv": wall time, "event": name, "payload": stdin JSON} to a file.

    record.py FILE EVENT

Used as a Claude Code hook command and as a statusLine command (then prints one short line).
A single O_APPEND write per call keeps parallel hooks from mixing their lines.
"""

import json
import os
import sys
import time

received = time.time()
path, event = sys.argv[1], sys.argv[2]
raw = sys.stdin.buffer.read().decode("utf-8", "replace")
try:
    payload = json.loads(raw)
except ValueError:
    payload = {"unparsed": raw}
line = json.dumps({"recv": received, "event": event, "payload": payload}, ensure_ascii=False) + "\n"
fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
os.write(fd, line.encode("utf-8", "surrogatepass"))
os.close(fd)
if event == "StatusLine":
    print("statusline")
