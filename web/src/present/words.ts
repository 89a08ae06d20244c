// The texts of the participant's screens. A study says its own in the `words` of its protocol.

export const english = {
  wait_title: "Please wait",
  wait_text: "The experimenter will start the session.",
  consent_title: "Your consent",
  consent_none: "I do not take part",
  consent_none_text: "Nothing is recorded. You can leave.",
  refused_title: "You do not take part",
  refused_text: "Nothing was recorded. Thank you for coming.",
  instructions_title: "What you will do",
  space: "Press the space bar to go on",
  space_start: "Press the space bar to start the clip",
  space_fullscreen: "Press the space bar. The page then fills the screen.",
  preload_title: "The clips are being loaded",
  preload_text: "This takes a moment.",
  preload_failed_title: "Please call the experimenter",
  preload_failed_text: "A clip cannot be played on this computer.",
  preload_again: "Try again",
  practice_title: "Practice",
  practice_text: "The first clips are for practice. They do not count.",
  trials_title: "The practice is over",
  trials_text: "The session begins now.",
  practice_label: "Practice",
  trial_label: "Clip {number} of {of}",
  pause_title: "A short pause",
  pause_text: "It will go on in a moment. Please wait.",
  break_title: "A break",
  break_wait: "You can go on in {seconds} s.",
  break_ready: "Press the space bar when you want to go on",
  clip_failed: "The clip could not be played. The experimenter knows. Press the space bar to try again.",
  report_title: "How did you feel?",
  emotion_question: "Which emotion did you feel most?",
  valence_question: "How unpleasant or pleasant was it?",
  valence_low: "very unpleasant",
  valence_high: "very pleasant",
  arousal_question: "How calm or excited were you?",
  arousal_low: "very calm",
  arousal_high: "very excited",
  report_done: "Done",
  report_missing: "Please answer: {questions}.",
  report_emotion: "emotion",
  report_valence: "pleasant or unpleasant",
  report_arousal: "calm or excited",
  report_keys: "Number keys choose, Enter goes on.",
  seconds_left: "{seconds} s left",
  stop: "Stop",
  stop_title: "Do you want to stop?",
  stop_text: "You may stop at any moment and need give no reason.",
  stop_not: "Go on with the session",
  stop_keep: "Stop, and keep what was recorded",
  stop_discard: "Stop, and delete what was recorded",
  stopped_title: "You have stopped",
  stopped_by_operator_title: "The session was stopped",
  stopped_keep: "What was recorded so far is kept. Thank you.",
  stopped_discard: "What was recorded is deleted. Thank you.",
  stopped_text: "Please wait for the experimenter. Thank you.",
  done_title: "That was the last clip",
  done_text: "Thank you. Please wait for the experimenter.",
} as const;

export type WordName = keyof typeof english;
export type Words = (name: WordName, values?: Readonly<Record<string, string | number>>) => string;

/** The texts of a study over the English ones, with {names} filled in. An empty text is a text. */
export function wordsOf(own: Readonly<Record<string, string>> = {}): Words {
  return (name, values = {}) => {
    const text = own[name] ?? english[name];
    return text.replace(/\{(\w+)\}/g, (whole, value: string) => String(values[value] ?? whole));
  };
}

/** The word for an emotion in the study's language: `emotion_happiness` and the like. */
export function emotionWord(own: Readonly<Record<string, string>>, emotion: string): string {
  return own[`emotion_${emotion}`] ?? emotion;
}
