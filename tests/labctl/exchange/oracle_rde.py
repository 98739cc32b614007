"""Validate RDE's structured data with the library of its authors: run by an interpreter that has rdetoolkit.

Usage: python oracle_rde.py FOLDER; prints each data tile that is valid.
"""

import sys
from pathlib import Path

from rdetoolkit.validation import MetadataDefinitionValidator, invoice_validate, metadata_validate

data = Path(sys.argv[1]) / "data"
support = data / "tasksupport"
MetadataDefinitionValidator().validate(path=support / "metadata-def.json")
for tile in (data, *sorted((data / "divided").glob("*"))):
    invoice_validate(tile / "invoice" / "invoice.json", support / "invoice.schema.json")
    metadata_validate(tile / "meta" / "metadata.json")
    print(tile.relative_to(data.parent))
