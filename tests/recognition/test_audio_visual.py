"""Audio-visual methods: their sizes, what they read and what not, what they learn and what they attend to."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.model_selection import StratifiedKFold

from mien.core import DataError, OptionError
from mien.core.signal import Signal
from mien.learning.losses import class_weights
from mien.recognition.audio_visual import (
    AUDIO_VISUAL,
    AMFStyleRecogniser,
    AudioRecogniser,
    ConcatenationRecogniser,
    SymmetricRecogniser,
    VisualRecogniser,
    audio_visual_dtype,
    audio_visual_samples,
)
from mien.recognition.audio_visual_layers import (
    Asymmetric,
    AudioVisualNet,
    Concatenation,
    Hearing,
    Sizes,
    Symmetric,
    Vision,
    hidden,
    unpacked,
)
from mien.recording.formats.audio import read_audio
from mien.signals.speech import measure_speech, speech_window

METHODS = (
    AMFStyleRecogniser,
    VisualRecogniser,
    AudioRecogniser,
    ConcatenationRecogniser,
    SymmetricRecogniser,
)
JOINED = (AMFStyleRecogniser, ConcatenationRecogniser, SymmetricRecogniser)
ATTENDING = (AMFStyleRecogniser, SymmetricRecogniser)
TINY = Sizes(8, 8, 22, 6)  # frames are no multiple of four


def samples(n, *, seed, strength=1.0):
    """Samples with a bit that moves the upper or the lower half, and one that is a high or a low band.

    The sound's bit is in one stretch of four frames somewhere among those with speech.
    """
    rng = np.random.default_rng(seed)
    X = np.zeros(n, audio_visual_dtype(*TINY))
    seen_bit, heard_bit = np.arange(n) % 2, np.arange(n) // 2 % 2
    X["visual"] = rng.uniform(90, 160, X["visual"].shape)
    X["audio"] = rng.normal(-60, 3, X["audio"].shape)
    X["heard"], X["seen"] = True, True
    for row in range(n):
        half = slice(0, 4) if seen_bit[row] else slice(4, 8)
        X["visual"][row, half] += strength * 60
        first, last = rng.integers(0, 4), rng.integers(18, 23)
        X["voiced"][row, first:last] = True
        at = rng.integers(first, last - 4)
        X["audio"][row, at : at + 4, 1 if heard_bit[row] else 4] += strength * 20
    return X, seen_bit, heard_bit


def agreeing(n, *, seed, contrast):
    """Samples whose two bits are equal, with motion as weak as asked."""
    X, seen, heard = samples(2 * n, seed=seed, strength=0.0)
    sound = samples(2 * n, seed=seed)[0]["audio"]
    X, y = X[seen == heard], seen[seen == heard]
    X["audio"] = sound[seen == heard]
    for row, bit in enumerate(y):
        X["visual"][row, slice(0, 4) if bit else slice(4, 8)] += contrast
    return X, y


def small(kind, **options):
    defaults = {
        "epochs": 25, "learning_rate": 5e-3, "batch_size": 16, "width": 16, "heads": 2, "dropout": 0.0,
        "modality_dropout": 0.0,
    }  # fmt: skip
    return kind(**defaults | options)


def network(join, *, seed=0, width=16, heads=2, n_classes=3):
    torch.manual_seed(seed)
    options = {"width": width, "heads": heads, "dropout": 0.3, "modality_dropout": 0.2}
    return AudioVisualNet(join, TINY, n_classes=n_classes, **options).eval()


def rows_of(X):
    return small(AMFStyleRecogniser)._tensor(X)


def accuracy(one, X, y):
    return float((one.predict(X) == y).mean())


def silenced(X):
    X = X.copy()
    X["voiced"] = False
    return X


def unseen(X):
    X = X.copy()
    X["seen"] = False
    return X


class TestLayers:
    @pytest.mark.parametrize(
        ("join", "parts", "sees", "hears", "asks"),
        [
            (Vision, 1, 1, 0, 0),
            (Hearing, 1, 0, 1, 0),
            (Concatenation, 2, 1, 1, 0),
            (Asymmetric, 2, 1, 1, 1),
            (Symmetric, 2, 1, 1, 2),
        ],
    )
    @pytest.mark.parametrize(("d", "bands", "classes"), [(64, 64, 3), (16, 6, 2)])
    def test_count(self, join, parts, sees, hears, asks, d, bands, classes):
        eye = (27 + 1) * 16 + 2 * 16 + (144 + 1) * 32 + 2 * 32 + (512 + 1) * d + d
        gru = 2 * 3 * (d // 2) * (d + d // 2 + 2)
        ear = (5 * (bands + 1) + 1) * d + (5 * d + 1) * d + gru + d
        ask = 4 * (d + 1) * d + 2 * d
        readout = (parts * d + 1) * d + (d + 1) * classes
        net = AudioVisualNet(
            join, Sizes(28, 28, 400, bands), n_classes=classes, width=d, heads=4, dropout=0.3,
            modality_dropout=0.2,
        )  # fmt: skip
        found = sum(p.numel() for p in net.parameters())
        assert found == sees * eye + hears * ear + asks * ask + readout
        if join is Asymmetric and d == 64:
            assert found == 123_587

    def test_only_vision_asks(self):
        names = [name for name, _ in network(Asymmetric).named_parameters()]
        assert any("vision_asks" in name for name in names)
        assert not any("sound_asks" in name for name in names)
        assert any("sound_asks" in name for name, _ in network(Symmetric).named_parameters())

    def test_vision_reaches_the_sound_and_sound_is_asked_by_vision_only(self):
        """Vision chooses among the tokens of sound; the pooled sound does not know of vision."""
        X, *_ = samples(3, seed=0)
        net, batch = network(Asymmetric), unpacked(rows_of(X), TINY)
        token, heard = net.encoded(batch)
        token = token.detach().requires_grad_()
        tokens = heard.tokens.detach().requires_grad_()
        asked, weights = net.join.attend(token, heard._replace(tokens=tokens))
        assert weights.shape == (3, 7)
        by_tokens, by_token = torch.autograd.grad(weights[:, 0].sum(), (tokens, token), retain_graph=True)
        assert by_tokens.abs().max() > 0
        assert by_token.abs().max() > 0
        assert torch.autograd.grad((asked**2).sum(), tokens)[0].abs().max() > 0
        joined = net.join(token, heard._replace(tokens=tokens))
        assert torch.autograd.grad(joined[:, 16:].sum(), token, allow_unused=True)[0].abs().max() == 0
        both = network(Symmetric).join(token, heard._replace(tokens=tokens))
        assert torch.autograd.grad((both[:, 16:] ** 2).sum(), token)[0].abs().max() > 0

    def test_attention_by_hand(self):
        X, *_ = samples(2, seed=1)
        net, batch = network(Asymmetric, heads=1), unpacked(rows_of(X), TINY)
        token, heard = net.encoded(batch)
        ask = net.join.vision_asks
        query, key, value = (
            x @ w.T + b
            for x, w, b in zip(
                (token[:, None], heard.tokens, heard.tokens),
                ask.attention.in_proj_weight.chunk(3),
                ask.attention.in_proj_bias.chunk(3),
                strict=True,
            )
        )
        scores = (query @ key.transpose(1, 2) / 4.0).masked_fill(~heard.keys[:, None], -math.inf)
        weights = scores.softmax(-1)
        asked, found = net.join.attend(token, heard)
        assert found.allclose(weights[:, 0], atol=1e-6)
        mixed = ask.attention.out_proj((weights @ value)[:, 0])
        assert asked.allclose(ask.norm(token + mixed), atol=1e-5)

    def test_tokens_cover_their_frames(self):
        """A key is a token of which any frame can be used; only four frames and their neighbours reach it."""
        X, *_ = samples(1, seed=2)
        X["voiced"] = False
        X["voiced"][0, [5, 21]] = True
        _, heard = network(Asymmetric).encoded(unpacked(rows_of(X), TINY))
        assert heard.keys[0].tolist() == [False, True, False, False, False, True, False]

    @pytest.mark.parametrize("join", [Hearing, Asymmetric, Symmetric, Concatenation])
    def test_silence_is_learned(self, join):
        net, (X, *_) = network(join), samples(2, seed=3)
        out = net(rows_of(silenced(X)))
        assert torch.isfinite(out).all()
        (out**2).sum().backward()
        assert net.ear.silence.grad.abs().max() > 0
        assert all(p.grad is None or torch.isfinite(p.grad).all() for p in net.parameters())

    @pytest.mark.parametrize("join", [Vision, Asymmetric, Symmetric, Concatenation])
    def test_absence_of_a_map_is_learned(self, join):
        net, (X, *_) = network(join), samples(2, seed=4)
        out = net(rows_of(unseen(X)))
        (out**2).sum().backward()
        assert net.eye.unseen.grad.abs().max() > 0
        assert net.eye.body[0].weight.grad.abs().max() == 0

    def test_modalities_are_hidden_of_those_that_have_both(self):
        X, *_ = samples(1200, seed=5)
        X["seen"][:200] = False
        X["voiced"][200:400] = False
        batch = unpacked(rows_of(X), TINY)
        torch.manual_seed(0)
        after = hidden(batch, 0.4)
        heard = after.usable.any(dim=1)
        assert not after.seen[:200].any()
        assert heard[:200].all()
        assert after.seen[200:400].all()
        assert (after.seen | heard).all()
        assert (~after.seen[400:]).float().mean().item() == pytest.approx(0.2, abs=0.05)
        assert (~heard[400:]).float().mean().item() == pytest.approx(0.2, abs=0.05)
        net = network(Asymmetric)
        assert (net(rows_of(X[400:450])) == net(rows_of(X[400:450]))).all()  # nothing is hidden in answers


class TestMasks:
    @pytest.mark.parametrize("kind", METHODS)
    def test_what_is_masked_is_not_read(self, kind):
        X, bit, _ = samples(12, seed=6)
        X["heard"][:, 18:] = False
        X["voiced"] &= X["heard"]
        X["seen"][:3] = False
        X["voiced"][3:5] = False
        other = X.copy()
        usable = X["heard"] & X["voiced"]
        other["audio"][~usable] = 1e4
        other["audio"][~X["heard"]] = np.nan
        other["visual"][:3] = np.nan
        one, another = (small(kind, epochs=2).fit(given, bit) for given in (X, other))
        expected = one.predict_proba(X)
        assert np.isfinite(expected).all()
        assert (one.predict_proba(other) == expected).all()
        assert (another.predict_proba(other) == expected).all()

    def test_frames_that_are_used_are_read(self):
        X, bit, _ = samples(4, seed=7)
        one = small(AudioRecogniser, epochs=1).fit(X, bit)
        other = X.copy()
        other["audio"][:, 10] += 30
        assert (one.predict_proba(other) != one.predict_proba(X)).any(axis=1).all()

    def test_bands_are_standardised_by_training_frames_with_speech(self):
        X, bit, _ = samples(16, seed=8)
        X["audio"][..., 2] = -100.0  # an empty band
        one = small(AudioRecogniser, epochs=1).fit(X, bit)
        frames = X["audio"][X["heard"] & X["voiced"]].astype(np.float64)
        assert one.network_.ear.centre.numpy() == pytest.approx(frames.mean(axis=0), abs=1e-3)
        spread = frames.std(axis=0)
        spread[2] = 1.0
        assert one.network_.ear.spread.numpy() == pytest.approx(spread, rel=1e-4)
        louder = X.copy()
        louder["audio"] += 500
        other = small(AudioRecogniser, epochs=1)
        other.fit_stages(X, bit, watch=louder)
        assert (other.predict_proba(X) == one.predict_proba(X)).all()

    @pytest.mark.parametrize("kind", METHODS)
    def test_nothing_at_all(self, kind):
        X, bit, _ = samples(8, seed=9)
        assert np.isfinite(small(kind, epochs=1).fit(silenced(unseen(X)), bit).predict_proba(X)).all()


class TestLearning:
    """Held-out samples of another seed."""

    @pytest.mark.parametrize("which", ["seen", "heard"])
    def test_a_class_in_one_modality(self, which):
        X, *bits = samples(96, seed=10)
        others, *truths = samples(96, seed=11)
        y, truth = (bits[0], truths[0]) if which == "seen" else (bits[1], truths[1])
        right, blind = VisualRecogniser, AudioRecogniser
        if which == "heard":
            right, blind = blind, right
        assert accuracy(small(right, epochs=10).fit(X, y), others, truth) > 0.95
        assert 0.3 < accuracy(small(blind, epochs=4).fit(X, y), others, truth) < 0.7
        assert accuracy(small(AMFStyleRecogniser, epochs=10).fit(X, y), others, truth) > 0.9

    def test_a_class_in_both_together(self):
        X, seen, heard = samples(128, seed=12)
        others, *truth = samples(128, seed=13)
        y, truth = seen ^ heard, truth[0] ^ truth[1]
        for kind in JOINED:
            assert accuracy(small(kind, epochs=15).fit(X, y), others, truth) > 0.9, kind.method
        for kind in (VisualRecogniser, AudioRecogniser):
            assert accuracy(small(kind, epochs=6).fit(X, y), others, truth) < 0.65, kind.method

    def test_shuffled_labels_are_chance(self):
        """Labels of both sides are shuffled: what a label happens to go with in training is no help."""
        X, y, _ = samples(320, seed=14)
        found = []
        for seed in range(3):
            shuffled = np.random.default_rng(seed).permutation(y)
            one = small(AMFStyleRecogniser, epochs=6).fit(X[:64], shuffled[:64])
            found.append(accuracy(one, X[64:], shuffled[64:]))
        assert 0.42 < np.mean(found) < 0.58

    @pytest.mark.parametrize(("contrast", "hide"), [(5.0, silenced), (25.0, unseen)])
    def test_modality_dropout_helps_when_the_easier_one_is_missing(self, contrast, hide):
        """Both say the same: without dropout nothing makes the network learn the harder one as well."""
        X, y = agreeing(128, seed=16, contrast=contrast)
        others, truth = agreeing(96, seed=17, contrast=contrast)
        if hide is silenced:  # sound that says it throughout: what is seen is the harder one
            for one, bits in ((X, y), (others, truth)):
                one["audio"][bits == 1, :, 1] += 20
                one["audio"][bits == 0, :, 4] += 20
        without = small(AMFStyleRecogniser, epochs=8).fit(X, y)
        with_it = small(AMFStyleRecogniser, epochs=8, modality_dropout=0.6).fit(X, y)
        assert accuracy(with_it, others, truth) > 0.9
        robust, fragile = (accuracy(one, hide(others), truth) for one in (with_it, without))
        print(f"{hide.__name__}: {robust:.3f} with modality dropout, {fragile:.3f} without")
        assert robust > 0.8
        assert robust > fragile + 0.1

    def test_rare_classes_weigh_more_by_default(self):
        codes = np.array([0, 0, 0, 1])
        logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
        weights = class_weights(codes)
        expected = torch.nn.functional.cross_entropy(logits, labels, weight=weights)
        assert AMFStyleRecogniser()._judge(codes)(logits, labels) == expected
        plain = AMFStyleRecogniser(imbalance="plain")._judge(codes)(logits, labels)
        assert plain == torch.nn.functional.cross_entropy(logits, labels)
        X, seen, _ = samples(12, seed=19)
        for imbalance in ("plain", "weighted", "focal", "balanced"):
            one = small(AMFStyleRecogniser, epochs=1, imbalance=imbalance).fit(X, seen)
            assert one.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(12))


class TestAttention:
    @pytest.mark.parametrize("kind", ATTENDING)
    def test_weights(self, kind):
        X, seen, _ = samples(12, seed=20)
        X["voiced"][4] = False
        X["heard"][5, 10:] = False
        X["voiced"] &= X["heard"]
        X["seen"][6] = False
        weights = small(kind, epochs=2, batch_size=5).fit(X, seen).attention(X)
        assert weights.shape == (12, 22)
        assert np.isnan(weights[4]).all()
        kept = np.arange(12) != 4
        assert weights[kept].sum(axis=1) == pytest.approx(np.ones(11), abs=1e-5)
        assert (weights[kept][~X["voiced"][kept]] == 0).all()
        assert (weights[kept][X["voiced"][kept]] > 0).all()

    def test_only_methods_that_ask_can_say(self):
        for kind in set(METHODS) - set(ATTENDING):
            assert not hasattr(kind(), "attention")


class TestRecogniser:
    @pytest.mark.parametrize("kind", METHODS)
    def test_repeats_saves_and_loads(self, kind, tmp_path):
        X, seen, _ = samples(12, seed=21)
        options = {"epochs": 2, "modality_dropout": 0.3, "dropout": 0.3}
        one, other = small(kind, **options), small(kind, **options)
        stages = one.fit_stages(X, seen + 3, watch=X[:5])
        assert stages.shape == (2, 5, 2)
        # Equal up to float32 whatever else is in the batch.
        assert stages[-1] == pytest.approx(one.predict_proba(X)[:5], abs=1e-5)
        assert (other.fit(X, seen + 3).predict_proba(X) == one.predict_proba(X)).all()
        assert (small(kind, **options, seed=1).fit(X, seen).predict_proba(X) != one.predict_proba(X)).any()
        one.save(tmp_path / "model.safetensors", about={"study": "simulated"})
        loaded = kind.load(tmp_path / "model.safetensors")
        assert loaded.get_params() == one.get_params()
        assert (loaded.predict_proba(X) == one.predict_proba(X)).all()
        assert (loaded.predict(X) == one.predict(X)).all()
        if kind in ATTENDING:
            assert (loaded.attention(X) == one.attention(X)).all()
        wrong = next(k for k in METHODS if k is not kind)
        with pytest.raises(DataError):
            wrong.load(tmp_path / "model.safetensors")

    def test_names(self):
        assert [kind.method for kind in METHODS] == [
            "amf-style", "av-visual", "av-audio", "av-concatenation", "av-symmetric",
        ]  # fmt: skip
        assert AUDIO_VISUAL.name == "audio-visual"

    def test_impossible_parameters(self):
        X, seen, _ = samples(4, seed=22)
        for wrong in ({"width": 15}, {"heads": 3}, {"dropout": 1.0}, {"modality_dropout": -0.1}):
            with pytest.raises(OptionError, match="parameters of amf-style"):
                small(AMFStyleRecogniser, **wrong).fit(X, seen)
        with pytest.raises(OptionError, match="augment of amf-style"):
            small(AMFStyleRecogniser, augment="flow").fit(X, seen)

    def test_other_sizes(self):
        X, seen, _ = samples(4, seed=23)
        one = small(AMFStyleRecogniser, epochs=1).fit(X, seen)
        longer = np.zeros(2, audio_visual_dtype(8, 8, 30, 6))
        with pytest.raises(DataError, match="22 frames of 6 bands, as in training, got 8 x 8, 30 frames"):
            one.predict(longer)


class TestInput:
    def refused(self, X):
        with pytest.raises(
            DataError, match=r"input of amf-style: wanted .* audio_visual_samples\.$"
        ) as found:
            AUDIO_VISUAL.check(X, method="amf-style")
        return str(found.value)

    def test_refusals(self):
        X, *_ = samples(3, seed=24)
        AUDIO_VISUAL.check(X, method="amf-style")
        assert "float64 of shape (3, 8, 8, 3)" in self.refused(np.zeros((3, 8, 8, 3)))
        assert "fields visual, audio" in self.refused(X[["visual", "audio"]])
        self.refused(X[:0])
        self.refused(X[:, None])
        self.refused(X.astype([(name, "f8" if name == "audio" else X.dtype[name]) for name in X.dtype.names]))
        for field, value, word in (
            ("audio", np.nan, "finite levels"),
            ("visual", np.inf, "finite maps"),
            ("visual", -3.0, "0..255"),
            ("visual", 256.0, "0..255"),
        ):
            wrong = X.copy()
            wrong[field][1] = value
            assert word in self.refused(wrong)
        wrong = X.copy()
        wrong["heard"][1] = False
        assert "beyond `heard`" in self.refused(wrong)

    def test_from_windows(self):
        rng = np.random.default_rng(0)
        speech = measure_speech(Signal(0.01 * rng.standard_normal(16000), 16000, "n/a", "sound", 5.0))
        window = speech_window(speech, 5.5, before_s=0.3, after_s=0.7)
        nothing = speech_window(None, 5.5, before_s=0.3, after_s=0.7)
        one = rng.integers(0, 256, (28, 28, 3)).astype(np.uint8)
        X = audio_visual_samples([one, None, one], [window, window, nothing])
        assert X.dtype == audio_visual_dtype(28, 28, 100, 64)
        AUDIO_VISUAL.check(X, method="amf-style")
        assert X["seen"].tolist() == [True, False, True]
        assert (X["visual"][0] == one).all()
        assert X["heard"].sum(axis=1).tolist() == [79, 79, 0]
        assert (X["audio"][0][window.heard] == window.levels_db[window.heard]).all()
        longer = speech_window(speech, 5.5, before_s=0.4, after_s=0.7)
        for maps, windows in (
            ([one], [window, window]),
            ([None], [window]),
            ([one, one[:14]], [window, window]),
            ([one, one], [window, longer]),
        ):
            with pytest.raises(DataError, match="audio-visual samples"):
                audio_visual_samples(maps, windows)


class TestRealSpeech:
    def test_emotions_of_one_actor(self, shared_data):
        """Acted emotions of one speaker, by files: sound is told apart. No test of other speakers."""
        letters = "WNFT"  # anger, neutral, happiness, sadness: 14, 11, 7 and 7 files
        files = sorted((shared_data / "audio" / "emodb").rglob("*.wav"))
        files = [file for file in files if file.stem[5] in letters]
        y = np.array([letters.index(file.stem[5]) for file in files])
        windows = []
        for file in files:
            sound = read_audio(file)
            windows.append(speech_window(sound, sound.duration_s / 2, before_s=0.8, after_s=0.8))
        maps = [np.zeros((8, 8, 3))] + [None] * (len(files) - 1)
        X = audio_visual_samples(maps, windows)
        answers = np.empty_like(y)
        for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(X, y):
            one = AudioRecogniser(epochs=14, width=16, learning_rate=5e-3, batch_size=13)
            answers[test] = one.fit(X[train], y[train]).predict(X[test])
        recalls = [float((answers[y == k] == k).mean()) for k in range(4)]
        print(f"emodb: accuracy {(answers == y).mean():.3f}, recalls {recalls}, most frequent {14 / 39:.3f}")
        assert len(files) == 39
        assert (answers == y).mean() > 0.5  # most frequent class: 0.36; SD of chance 0.08
        assert np.mean(recalls) > 0.45
