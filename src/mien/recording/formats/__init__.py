"""One file per file format."""

from mien.recording.formats.delimited import read_delimited

__all__ = ["read_delimited"]
