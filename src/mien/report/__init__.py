"""Reports: one self-contained HTML file from result records and the artefacts they name.

Every number is derived from the record's predictions when the report is made, so that a table and its
confusion matrix cannot disagree. Pictures of people pass the consent policy first. May use evaluation,
dataset and core; computes no new result.
"""

from mien.report.document import Section, make_report, read_records, write_report

__all__ = ["Section", "make_report", "read_records", "write_report"]
