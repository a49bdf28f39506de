"""Files that people hand us, read strictly; files that we leave, written whole or not at all. Knows no format."""

from mlassay.files.document import Document
from mlassay.files.json_reader import read_json
from mlassay.files.paths import find_file, inside, path_fault, read_file
from mlassay.files.schema import check, schema, schema_names
from mlassay.files.writing import lock, staged_folder, write_atomic
from mlassay.files.yaml_reader import read_yaml

__all__ = [
    "Document",
    "check",
    "find_file",
    "inside",
    "lock",
    "path_fault",
    "read_file",
    "read_json",
    "read_yaml",
    "schema",
    "schema_names",
    "staged_folder",
    "write_atomic",
]
