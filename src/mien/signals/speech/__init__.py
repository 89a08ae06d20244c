"""Speech: from a sound recording to log-mel levels, voice activity and windows around apexes.

Everything is computed over the whole recording at 16 kHz, once, and cut afterwards. Times are seconds on the
master clock; levels are dB, 0 for a sine of full scale. What a window cannot give is masked, with a reason.
"""

from mien.signals.speech.mel import FLOOR_DB, LogMel, log_mel
from mien.signals.speech.voice import voice_activity
from mien.signals.speech.windows import Speech, SpeechWindow, measure_speech, speech_window

__all__ = [
    "FLOOR_DB",
    "LogMel",
    "Speech",
    "SpeechWindow",
    "log_mel",
    "measure_speech",
    "speech_window",
    "voice_activity",
]
