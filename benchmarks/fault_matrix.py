"""Each fault of each instrument at the begin, in the middle and at the end of each operation that uses it."""

from __future__ import annotations

import argparse
import logging
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from figures import Report, main, watch

ROOT = Path(__file__).parent.parent
N_QUICK = 60
PAGE = "docs/reference/fault-matrix.md"
HEAD = """\
# Fault matrix

What comes of each fault that the simulated instruments of the example's line can have, in each operation that uses the
instrument: at its begin, in its middle and at its end (one word where all three are alike), for 5 s and until somebody
mends it. Made by `benchmarks/fault_matrix.py --table`, with the real plans, drivers and engine on simulated time; no
supervisor and no interlock helps. The second furnace is left out: it is as the first.

- *no effect*: nothing came of it; the fault had nothing to strike.
- *repeated*: exchanges failed and were repeated by themselves.
- *again*: the operation failed and succeeded 60 s later, as a campaign does with what may be repeated.
- *flagged*: the run went on, and its record says what was wrong: an alarm, a deviation or a quality flag.
- *spoilt*: the result says that it is not valid.
- *failed*: the run ended with a reason that names the instrument, or a record that does.
- *hidden*: the instrument tells what is not so, and the sample differs. An interlock on another instrument, or the
  sample's measurement, may show it.
- †: not in its safe state at the end, because the wire to it was still gone. No software can change that: it takes a
  limit in hardware.

In no case does an operation hang, end without its one stop document, or leave an instrument unsafe whose wire is there.
"""


def measure(report: Report, quick: bool) -> None:
    """Do every cell, or a seeded few."""
    sys.path.insert(0, str(ROOT))
    from tests.faults import DECLARED, cells, outcome

    logging.getLogger("ophyd").setLevel(logging.CRITICAL)  # it prints the errors that are being provoked
    every = list(cells())
    chosen = random.Random(1).sample(every, N_QUICK) if quick else every
    found = {}
    with watch() as spent:
        for cell in chosen:
            found[cell] = outcome(cell)
            if found[cell].kind not in DECLARED or found[cell].safe == "unsafe":
                print(cell, found[cell], file=sys.stderr)
    kinds = Counter(one.kind for one in found.values())
    report.add("faults x instruments x operations x moments", len(found), "")
    for kind in DECLARED:
        report.add(f"outcome: {kind}", kinds[kind], "")
    report.add("hung", kinds["hung"], "", "= 0")
    report.add("without a declared outcome", sum(n for kind, n in kinds.items() if kind not in DECLARED), "", "= 0")
    report.add("unsafe although the wire was there", sum(one.safe == "unsafe" for one in found.values()), "", "= 0")
    report.add("not safe because the wire was gone", sum(one.safe == "wire gone" for one in found.values()), "")
    report.add("longest operation, lab time", max(one.lab_s for one in found.values()) / 3600, "h", "<= 13.5")
    report.add("CPU of one case", spent.cpu_s / len(found), "s")
    if TABLE:
        Path(TABLE).write_text(f"{HEAD}\n{table(found)}")


def table(found: dict[Any, Any]) -> str:
    """Return the outcomes as Markdown, rows with the same outcomes for every operation as one."""
    from tests.faults import BRIEF_S, MOMENTS

    rows: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}
    for cell in found:
        at = {}
        for duration_s in (BRIEF_S, float("inf")):
            keys = [type(cell)(cell.operation, cell.device, cell.fault, moment, duration_s) for moment in MOMENTS]
            words = [_word(found[key]) for key in keys if key in found]
            at[duration_s] = words[0] if len(set(words)) == 1 else " / ".join(words)
        rows.setdefault((cell.device, cell.fault), {})[cell.operation] = (at[BRIEF_S], at[float("inf")])
    lines = [f"| instrument | fault | in | for {BRIEF_S:g} s | until mended |", "|---|---|---|---|---|"]
    for (device, fault), by_operation in rows.items():
        alike: dict[tuple[str, str], list[str]] = {}
        for operation, words in by_operation.items():
            alike.setdefault(words, []).append(f"`{operation}`")
        for (brief, lasting), operations in alike.items():
            lines.append(f"| `{device}` | `{fault}` | {', '.join(operations)} | {brief} | {lasting} |")
    return "\n".join(lines) + "\n"


def _word(one: Any) -> str:
    return one.kind + {"safe": "", "wire gone": " †", "unsafe": " UNSAFE"}[one.safe]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--table", default="", help=f"file for the outcomes as Markdown, e.g. {PAGE}")
    own, sys.argv[1:] = parser.parse_known_args()
    TABLE = own.table
    main(measure, __doc__)
