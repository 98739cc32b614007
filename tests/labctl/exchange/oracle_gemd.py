"""Read GEMD JSON with the library of its authors: run by an interpreter that has gemd; prints what it found.

Usage: python oracle_gemd.py FILE
"""

import sys
from pathlib import Path

from gemd.entity.bounds_validation import WarningLevel, set_validation_level
from gemd.json import GEMDJson

set_validation_level(WarningLevel.FATAL)
found = GEMDJson().loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
again = GEMDJson().loads(GEMDJson().dumps(found))
assert again == found, "the library does not give back what it read"
for material in found:
    steps, n_processes, n_measurements, properties = material, 0, 0, []
    while steps is not None:
        n_processes += steps.process is not None
        n_measurements += len(steps.measurements)
        properties += [p.name for m in steps.measurements for p in m.properties]
        steps = steps.process.ingredients[0].material if steps.process.ingredients else None
    print(material.name, n_processes, n_measurements, *sorted(set(properties)))
