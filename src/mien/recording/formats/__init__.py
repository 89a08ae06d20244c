"""One file per file format."""

from mien.recording.formats.acqknowledge import read_acqknowledge
from mien.recording.formats.audio import read_audio, read_audio_channels
from mien.recording.formats.biopac_mat import read_biopac_mat, write_biopac_mat
from mien.recording.formats.brainvision import read_brainvision, read_brainvision_header, write_brainvision
from mien.recording.formats.curry import read_curry
from mien.recording.formats.delimited import read_delimited
from mien.recording.formats.edf import read_edf, read_edf_signals
from mien.recording.formats.eeglab import read_eeglab, write_eeglab
from mien.recording.formats.fif import read_fif
from mien.recording.formats.images import StampedFrames, read_image_folder
from mien.recording.formats.neuroscan import read_cnt
from mien.recording.formats.openface import Landmarks, read_openface
from mien.recording.formats.physio_tsv import read_physio, read_physio_header, write_physio
from mien.recording.formats.table import NumberTable, read_table
from mien.recording.formats.video import VideoInfo, VideoWriter, count_frames, probe, read_frames, read_luma
from mien.recording.formats.xdf import StampedStream, read_xdf
from mien.recording.formats.xdf_chunks import XdfStream
from mien.recording.formats.xdf_repair import repair_xdf
from mien.recording.formats.xdf_writing import XdfWriter

__all__ = [
    "Landmarks",
    "NumberTable",
    "StampedFrames",
    "StampedStream",
    "VideoInfo",
    "VideoWriter",
    "XdfStream",
    "XdfWriter",
    "count_frames",
    "probe",
    "read_acqknowledge",
    "read_audio",
    "read_audio_channels",
    "read_biopac_mat",
    "read_brainvision",
    "read_brainvision_header",
    "read_cnt",
    "read_curry",
    "read_delimited",
    "read_edf",
    "read_edf_signals",
    "read_eeglab",
    "read_fif",
    "read_frames",
    "read_image_folder",
    "read_luma",
    "read_openface",
    "read_physio",
    "read_physio_header",
    "read_table",
    "read_xdf",
    "repair_xdf",
    "write_biopac_mat",
    "write_brainvision",
    "write_eeglab",
    "write_physio",
]
