"""Drives the services of benches/http.rs in turn and compares them.

`wrk` asks for positions over kept-alive connections; bodies of a million rows go through plain sockets. Clients and services share the
machine's cores, so every rate is that of both together; whoever answers at less cost gains less than it saves. Each figure is the median
of runs in turn: ours, the others, ours again.

Usage: http_driver.py OURS BARE UNLAYERED PARSE PID GRIDS POINTS (a CSV with columns lon and lat)
"""

import csv
import os
import random
import re
import socket
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from wrk import ask

SEED = 1
RUNS = int(os.environ.get("GRIDKEEPER_BENCH_RUNS", 5))
SECONDS = int(os.environ.get("GRIDKEEPER_BENCH_SECONDS", 4))
ROWS = int(os.environ.get("GRIDKEEPER_BENCH_ROWS", 1_000_000))
ROWS_MANY = 10 * ROWS
CONNECTIONS = 32
REQUESTS = 20_000
BLOCK = 1 << 20
FIELDS = "fields=grid_code,status"
BODIES = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}


def read_points(path):
    """Places of incidents, each moved by some hundred metres, so that none is asked for twice."""
    random.seed(SEED)
    with open(path, encoding="utf-8") as file:
        places = [(float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)]
    return [(round(lon + random.gauss(0, 0.003), 6), round(lat + random.gauss(0, 0.003), 6)) for lon, lat in places]


def make_body(kind, points, rows):
    """The head, the block of all rows and what stands between two such blocks, and the end."""
    at = (points[number % len(points)] for number in range(rows))
    if kind == "csv":
        return b"id,lon,lat\n", "".join(f"{number},{lon},{lat}\n" for number, (lon, lat) in enumerate(at)).encode(), b"", b""
    objects = (f'{{"id":{number},"lon":{lon},"lat":{lat}}}' for number, (lon, lat) in enumerate(at))
    if kind == "ndjson":
        return b"", ("\n".join(objects) + "\n").encode(), b"", b""
    return b"[", ",\n".join(objects).encode(), b",\n", b"]"


def send(address, media, body, times, lines=None):
    """Sends a body with its rows so many times over, reads the answer to its end, and returns the seconds that took."""
    head, rows, between, end = body
    length = len(head) + times * len(rows) + (times - 1) * len(between) + len(end)
    host, port = address.rsplit(":", 1)
    start = time.monotonic()
    with socket.create_connection((host, int(port))) as wire:
        asked = f"POST /v1/locate?{FIELDS} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        wire.sendall(asked.encode() + head)

        def push():
            view = memoryview(rows)
            for number in range(times):
                if number:
                    wire.sendall(between)
                for at in range(0, len(view), BLOCK):
                    wire.sendall(view[at : at + BLOCK])
            wire.sendall(end)

        pusher = threading.Thread(target=push)
        pusher.start()
        buffer, count, found, first, last = bytearray(BLOCK), 0, 0, b"", b""
        while read := wire.recv_into(buffer):
            first, last = first or bytes(buffer[:read]), bytes(buffer[max(0, read - 64) : read])
            count += read
            if lines is not None:
                found += buffer.count(b'"inside"' if media != "text/csv" else b",inside,", 0, read)
        pusher.join()
    if not first.startswith(b"HTTP/1.1 200") or (b"chunked" in first and not last.endswith(b"0\r\n\r\n")):
        raise SystemExit(f"{address} {media}: {first[:300]} … {last}")
    if lines is not None:
        lines.append(found)
    return time.monotonic() - start


def reset_peak(process):
    with open(f"/proc/{process}/clear_refs", "w") as file:
        file.write("5")


def peak_mib(process):
    with open(f"/proc/{process}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) / 1024


def cpu_s(process):
    """User and system time of a process; that of the service alone, which other work on the machine changes least."""
    with open(f"/proc/{process}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_turn(runs, process, measures):
    """Runs the measures in turn and returns what each gave, and the CPU seconds of the service."""
    gave, cpu = {name: [] for name in measures}, {name: 0 for name in measures}
    for _ in range(runs):
        for name, measure in measures.items():
            before = cpu_s(process)
            gave[name].append(measure())
            cpu[name] += cpu_s(process) - before
    return gave, cpu


def compare_requests(grids, services, process, points):
    paths = [f"/v1/locate?lon={lon}&lat={lat}" for lon, lat in points[:REQUESTS]]
    measures = {name: lambda address=address: ask(address, paths, CONNECTIONS, SECONDS) for name, address in services.items()}
    gave, cpu = in_turn(RUNS, process, measures)
    middle = {name: [statistics.median(values) for values in zip(*runs)] for name, runs in gave.items()}
    for name, (rate, p50, p99, _) in middle.items():
        print(f"figure http_{grids}_get_{name} {rate:.0f} requests/s")
        print(f"figure http_{grids}_get_{name}_cpu {cpu[name] * 1e6 / sum(run[0] * SECONDS for run in gave[name]):.2f} us/request")
        print(f"figure http_{grids}_get_{name}_p50 {p50:.3f} ms")
        print(f"figure http_{grids}_get_{name}_p99 {p99:.3f} ms")
    for name in list(services)[1:]:
        rates = [ours[0] / other[0] for ours, other in zip(gave["ours"], gave[name])]
        slow = [ours[2] / other[2] for ours, other in zip(gave["ours"], gave[name])]
        print(f"figure http_{grids}_get_over_{name} {statistics.median(rates):.2f} x")
        print(f"figure http_{grids}_get_p99_over_{name} {statistics.median(slow):.2f} x")


def compare_bodies(grids, ours, parse, process, points):
    for kind, media in BODIES.items():
        body = make_body(kind, points, ROWS)
        inside = []
        send(ours, media, body, 1, inside)
        print(f"figure http_{grids}_post_{kind}_inside {inside[0] / ROWS:.3f} of rows")
        measures = {"ours": lambda: send(ours, media, body, 1)}
        measures |= {name: lambda address=address: send(address, media, body, 1) for name, address in parse.items()}
        gave, cpu = in_turn(RUNS, process, measures)
        for name, seconds in gave.items():
            print(f"figure http_{grids}_post_{kind}_{name} {ROWS / statistics.median(seconds) / 1e6:.2f} M rows/s")
            print(f"figure http_{grids}_post_{kind}_{name}_cpu {cpu[name] * 1e9 / RUNS / ROWS:.0f} ns/row")
        for name in parse:
            rates = [theirs / ours for ours, theirs in zip(gave["ours"], gave[name])]
            print(f"figure http_{grids}_post_{kind}_over_{name} {statistics.median(rates):.2f} x")
        for times in (1, ROWS_MANY // ROWS):
            reset_peak(process)
            seconds = send(ours, media, body, times)
            print(f"figure http_{grids}_post_{kind}_{times * ROWS}_rows {seconds:.2f} s")
            print(f"figure http_{grids}_post_{kind}_{times * ROWS}_rows_peak {peak_mib(process):.0f} MiB")


def main(ours, bare, unlayered, parse, parse_own, process, grids, points):
    points = read_points(points)
    compare_requests(grids, {"ours": ours, "bare": bare, "bare_without_layers": unlayered}, process, points)
    compare_bodies(grids, ours, {"parse_alone": parse, "our_parser_alone": parse_own}, process, points)


if __name__ == "__main__":
    main(*sys.argv[1:])
