"""Each fault of each instrument at the begin, in the middle and at the end of each operation that uses it."""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from figures import Report, main, watch

ROOT = Path(__file__).parent.parent
N_QUICK = 60
PAGE = "docs/reference/fault-matrix.md"


def measure(report: Report, quick: bool) -> None:
    """Do every cell, or a seeded few."""
    sys.path.insert(0, str(ROOT))
    from tests.faults import DECLARED, cells, outcome

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
        Path(TABLE).write_text(table(found))


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
