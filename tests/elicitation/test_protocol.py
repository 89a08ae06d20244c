from pathlib import Path

import pytest

from mien.core.errors import DataError
from mien.elicitation.protocol import Protocol, Steps, read_protocol, write_protocol


def test_a_written_protocol_is_read_as_it_was_and_explains_itself(tmp_path: Path) -> None:
    made = Protocol(
        title="Étude", practice=("p1",), steps=Steps(clip_limit_s=42.5), words={"ready": "Leertaste"}
    )
    write_protocol(tmp_path / "protocol.yaml", made)
    assert read_protocol(tmp_path / "protocol.yaml") == made
    text = (tmp_path / "protocol.yaml").read_text()
    assert text.count("\n# ") >= 9  # a line of explanation before the parts


def test_mmmes_protocol_is_the_default() -> None:
    made = Protocol()
    assert (made.steps.clip_limit_s, made.steps.report_limit_s, made.steps.neutral_s) == (60, 25, 30)
    assert (made.report.low, made.report.high, len(made.report.emotions)) == (1, 9, 7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: {clip_limit_s: -2}", "steps.clip_limit_s: wanted greater than or equal to 0, got -2"),
        ("steps: {clip_limit_s: .inf}", "steps.clip_limit_s"),
        ("step: {}", "step: wanted a setting of a protocol, got an unknown one"),
        ("report: {low: 5, high: 5}", "wanted a scale within -10 to 10 that goes up"),
        ("report: {emotions: [joy, joy]}", "wanted different emotions"),
        (
            "practice: [a]\ntrials: [b, a]",
            "wanted every clip once, in practice or in the trials, got a again",
        ),
        ("consent: {levels: [{level: 1, title: a, text: b}]}", "wanted both levels of consent"),
        ("order: {kind: shuffled}", "order.kind: wanted 'seeded', 'counterbalanced' or 'fixed'"),
        ("a: [", "wanted YAML, got a mistake in line 1"),
        ("- 1", "wanted"),
        ("breaks: {after_every: 1.5}", "breaks.after_every"),
    ],
)
def test_a_wrong_protocol_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "protocol.yaml"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_protocol(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_and_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="wanted a protocol"):
        read_protocol(tmp_path / "no.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError):
        read_protocol(tmp_path / "bytes.yaml")
