"""What recorders and programs leave behind: files, frames, triggers and clocks.

`formats/` holds one file per file format; every reader refuses what it cannot read in one sentence and
never returns other data than the file holds. May use jobs and core.
"""
