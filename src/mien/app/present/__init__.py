"""What `mien present` serves: the participant's page, the experimenter's, the small display's, the raters'.

Thin: requests are read and answered here; what a session is and does lies in `elicitation`.
"""
