"""Asks for a list of paths with `wrk`, one after another over kept-alive connections."""

import os
import re
import subprocess
import tempfile

SCRIPT = """
local requests, at = {}, 0
function init(args)
  for line in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", line) end
end
function request() at = at % #requests + 1; return requests[at] end
function done(summary, latency, rates)
  local e = summary.errors
  io.write(string.format("took %d %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout, summary.bytes))
end
"""


def ask(address, paths, connections, seconds, patience_s=2):
    """Returns requests a second, the two percentiles in milliseconds, and bytes an answer."""
    with tempfile.TemporaryDirectory() as folder:
        script, listed = os.path.join(folder, "paths.lua"), os.path.join(folder, "paths.txt")
        with open(script, "w") as file:
            file.write(SCRIPT)
        with open(listed, "w") as file:
            file.writelines(f"{path}\n" for path in paths)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{patience_s}s", "-s", script, f"http://{address}/", "--", listed]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    requests, us, p50, p99, errors, size = map(int, re.search(r"took (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", said).groups())
    if errors or not requests:
        raise SystemExit(f"{address}: {errors} of {requests} requests failed\n{said}")
    return requests / us * 1e6, p50 / 1e3, p99 / 1e3, size / requests
