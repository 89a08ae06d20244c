"""Eliciting expressions: which clips, in which order, what happened when, and who was reminded.

`stimuli` selects clips by ratings, `protocol` holds the schedule, `conductor` and `journal` carry a session
through it, `monitoring` watches for movement (CMRR). Every time is seconds of one clock. May use dataset,
coding, signals, recording, stats and core.
"""
