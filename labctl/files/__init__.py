"""Reading the files that people write, with one clear line for each mistake."""

from labctl.files._partial import as_far_as_right
from labctl.files._problems import closest, nearest, problems_of, shown
from labctl.files._table import read_cells, read_table, read_whole_table
from labctl.files._values import LABEL, Day, Scalar, Text
from labctl.files._yaml import read_yaml, yaml_text

__all__ = [
    "LABEL",
    "Day",
    "Scalar",
    "Text",
    "as_far_as_right",
    "closest",
    "nearest",
    "problems_of",
    "read_cells",
    "read_table",
    "read_whole_table",
    "read_yaml",
    "shown",
    "yaml_text",
]
