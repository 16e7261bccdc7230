"""Append verdicts as fast as the disk takes them, and print each id once it is kept: a program to be killed."""

import sys

from signalscreen.verdicts import Bounds, VerdictTable

if __name__ == "__main__":
    store, who, first, count, note = sys.argv[1:]
    table = VerdictTable(store, who, Bounds(fs=360.0, samples=10**9))
    for i in range(int(first), int(first) + int(count)):
        made = table.set("accept", start=i, stop=i + 1, note="心" * (int(note) * (i % 3)))
        print(made.id, flush=True)
