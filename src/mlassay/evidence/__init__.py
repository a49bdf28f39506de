"""What mlassay records of a release: formats, read strictly and written canonically. Checks no signature."""

from mlassay.evidence.codec import read_report, read_verdict, report_json, verdict_json
from mlassay.evidence.dsse import Envelope, pae, read_envelope
from mlassay.evidence.keys import key_id
from mlassay.evidence.release import Artifact, Release, Source, read_release_json
from mlassay.evidence.statement import Statement, read_statement
from mlassay.evidence.times import parse_time, time_string
from mlassay.evidence.verdict import Finding, GateReport, Outcome, Verdict

__all__ = [
    "Artifact",
    "Envelope",
    "Finding",
    "GateReport",
    "Outcome",
    "Release",
    "Source",
    "Statement",
    "Verdict",
    "key_id",
    "pae",
    "parse_time",
    "read_envelope",
    "read_release_json",
    "read_report",
    "read_statement",
    "read_verdict",
    "report_json",
    "time_string",
    "verdict_json",
]
