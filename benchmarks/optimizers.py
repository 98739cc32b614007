"""How many trials optimizers need: labctl's engine beside others, on tables of real measurements and on functions.

    python benchmarks/optimizers.py --data FOLDER --section pools --section continuous

Every game is kept in a file of lines (``--cache``); started again, only what is missing is played, and games of
labctl's engine are played anew when its code changed. Peers run in a Python of their own (``make peers``).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from figures import Report, show  # first: it sets the number of threads

from _optimizer_play import Cache, Players, fingerprint  # isort: skip
import _optimizer_against as against
import _optimizer_circumstances as circumstances
import _optimizer_sections as sections

HERE = Path(__file__).parent
SECTIONS: dict[str, Callable[[sections.Bench], None]] = {
    "pools": sections.pools,
    "continuous": sections.continuous,
    "failures": sections.failures,
    "groups": circumstances.groups,
    "prior": circumstances.prior,
    "as_run": circumstances.as_run,
    "cost_aware": circumstances.cost_aware,
    "noise": against.noise,
    "objectives": against.objectives,
    "cost": sections.cost,
    "light": sections.light,
    "resume": sections.resume,
}


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=None, help="folder of the tables; without it no section needs them"
    )
    parser.add_argument("--section", action="append", choices=SECTIONS, help="one or several; all by default")
    parser.add_argument("--seeds", type=int, default=60, help="games of each engine at each task")
    parser.add_argument("--peer-seeds", type=int, default=None, help="the same for the slow peers; as many by default")
    parser.add_argument("--engines", default="gp,tpe,botorch,egobox", help="who plays, with commas")
    parser.add_argument("--peers", type=Path, default=HERE.parent / ".venv-peers/bin/python", help="the peers' Python")
    parser.add_argument("--cache", type=Path, default=HERE.parent / "runs/optimizers.jsonl", help="kept games")
    parser.add_argument("--quick", action="store_true", help="few seeds and no slow peer, under 60 s")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    chosen = parser.parse_args(list(arguments) if arguments is not None else None)
    engines = ["gp"] if chosen.quick else chosen.engines.split(",")
    if not chosen.peers.exists():
        engines = [engine for engine in engines if engine == "gp"]
    bench = sections.Bench(
        chosen.data,
        engines,
        1 if chosen.quick else chosen.seeds,
        chosen.peer_seeds or chosen.seeds,
        Cache(chosen.cache),
        Players(chosen.peers),
        fingerprint(),
        Report(),
        chosen.quick,
    )
    try:
        for name in chosen.section or SECTIONS:
            if chosen.data is None and name in sections.NEED_TABLES:
                print(f"{name} left out: it needs --data", file=sys.stderr)
                continue
            SECTIONS[name](bench)
        versions = bench.players.versions()
    finally:
        bench.players.close()
    show(bench.report, chosen.json, versions)


if __name__ == "__main__":
    main()
