"""One file per file format."""

from mien.recording.formats.biopac_mat import write_biopac_mat
from mien.recording.formats.brainvision import read_brainvision, read_brainvision_header, write_brainvision
from mien.recording.formats.delimited import read_delimited
from mien.recording.formats.eeglab import write_eeglab
from mien.recording.formats.physio_tsv import read_physio, read_physio_header, write_physio
from mien.recording.formats.video import VideoInfo, VideoWriter, count_frames, probe, read_frames

__all__ = [
    "VideoInfo",
    "VideoWriter",
    "count_frames",
    "probe",
    "read_brainvision",
    "read_brainvision_header",
    "read_delimited",
    "read_frames",
    "read_physio",
    "read_physio_header",
    "write_biopac_mat",
    "write_brainvision",
    "write_eeglab",
    "write_physio",
]
