"""The words that a protocol begins with: studies change them in their `protocol.yaml`."""

from __future__ import annotations

CONSENT = (
    "You will watch short film clips. Your face is filmed during each of them, and signals of your body may "
    "be recorded from now to the end.",
    "You can stop at any moment and need not give a reason. You then choose whether what was recorded so far "
    "is kept or deleted. You can also have it deleted later.",
    "Please choose what may be done with the recordings.",
)
LEVELS = (
    (
        1,
        "Research and publication",
        "Researchers may analyse my recordings, and pictures of my face or my voice may be shown in "
        "scientific publications and given to other researchers.",
    ),
    (
        2,
        "Research only",
        "Researchers may analyse my recordings. No picture of my face and no sound of my voice may be "
        "published.",
    ),
)
INSTRUCTIONS = (
    "You start each clip with the space bar. Look at the screen until it ends.",
    "Whatever you feel, keep a neutral face, and keep your head and body as still as you can. A small "
    "display beside the screen may remind you.",
    "After each clip, say which emotion you felt, how pleasant it was and how strongly it moved you. Answer "
    "quickly: the time is limited. Then a calm clip lets you rest.",
)
COMMENTS = {
    "title": "Shown to the participant and on the experimenter's page.",
    "practice": "Clips of the practice trials, by their names in stimuli/stimuli.tsv; no trial uses them.",
    "trials": "Clips of the trials, or all (every clip whose role is trial).",
    "neutral": "Calm clips, shown after the reports in turn, or all (every clip whose role is neutral).",
    "steps": "The longest time of each step, seconds.",
    "report": "What is asked after each clip.",
    "order": "seeded (drawn per participant), counterbalanced (balanced Latin square) or fixed.",
    "breaks": "A rest after every so many trials (0: none), least_s seconds or longer.",
    "consent": "What the participant reads and chooses from before anything is recorded.",
    "instructions": "Paragraphs of the screen after consent.",
    "reminder": "What the small display says; threshold: in spreads above the baseline.",
    "words": "Other texts of the participant's screens, by name (see docs/presenting.md).",
}
