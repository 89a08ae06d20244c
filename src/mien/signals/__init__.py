"""From recorded samples to signals with meaning: face motion, physiology, brain, speech.

`face/` holds everything that is measured on pictures of a face. May use recording, jobs and core.
"""
