"""What the papers print, as printed. Not golden: protocols differ or are unstated.

Source: MMME's Tables 1 to 10 and Figure 5; for AMF-Net the summary on MMED's page, since its abstract states
no number. Accuracy in percent, all else as fractions.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ACTION_UNITS: Mapping[str, int] = MappingProxyType(
    {
        "AU1": 54, "AU2": 24, "AU4": 357, "AU5": 12, "AU6": 17, "AU7": 54, "AU9": 12, "AU10": 33, "AU11": 6,
        "AU12": 48, "AU13": 12, "AU14": 165, "AU15": 23, "AU16": 16, "AU17": 39, "AU18": 8, "AU20": 15,
        "AU25": 12, "AU26": 10, "AU41": 11, "AU42": 8,
    }
)  # fmt: skip
"""Table 2: micro-expressions with each action unit."""

EMOTIONS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "disgust": (163, 637), "fear": (124, 479), "surprise": (105, 447), "happiness": (92, 424),
        "sadness": (55, 290), "anger": (50, 306), "contempt": (45, 258),
    }
)  # fmt: skip
"""Table 1 and Figure 5: micro- and macro-expressions."""

TABLE_4: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "lbp-top": (40.79, 0.3957, 0.3303, 0.3443, 26.56, 0.2272, 0.1866, 0.1741),
        "mdmo": (44.22, 0.4534, 0.4416, 0.3228, 29.94, 0.2634, 0.2524, 0.2623),
        "bi-woof": (50.26, 0.4823, 0.4111, 0.4094, 34.52, 0.3309, 0.2805, 0.2722),
        "rcn-a": (65.35, 0.6234, 0.5635, 0.5424, 38.78, 0.3502, 0.2981, 0.2526),
        "mersiamc3d-style": (70.89, 0.6827, 0.6625, 0.6344, 40.43, 0.4101, 0.3092, 0.3246),
        "featref-style": (72.46, 0.7080, 0.6339, 0.6075, 43.34, 0.4234, 0.3543, 0.3303),
        "moext": (74.23, 0.7254, 0.6824, 0.7035, 46.27, 0.4541, 0.3782, 0.3475),
        "htnet": (74.96, 0.7326, 0.7072, 0.7171, 47.64, 0.4543, 0.3766, 0.3550),
        "csarnet-style": (74.05, 0.7576, 0.6958, 0.7042, 44.55, 0.4434, 0.3582, 0.3529),
    }
)
"""Accuracy (%), F1, UF1, UAR in three classes, then in seven; F1 is undefined in the paper."""

TABLE_5: Mapping[str, tuple[float | None, ...]] = MappingProxyType(
    {
        "rcn-a": (0.6326, 0.6441, 0.8512, 0.8123, 0.7601, 0.6715, 0.3928, 0.3893, 0.5635, 0.5424),
        "mersiamc3d-style": (0.7356, 0.7598, 0.8818, 0.8763, 0.7475, 0.7280, None, None, 0.6625, 0.6344),
        "featref-style": (0.7011, 0.7083, 0.8915, 0.8873, 0.7372, 0.7155, 0.3493, 0.3413, 0.6339, 0.6075),
        "moext": (0.7976, 0.7803, 0.8992, 0.8912, 0.8135, 0.8100, 0.5457, 0.5784, 0.6824, 0.7035),
        "htnet": (0.8049, 0.7905, 0.9101, 0.9119, 0.8131, 0.8124, 0.5767, 0.5415, 0.7072, 0.7171),
        "csarnet-style": (0.7605, 0.7639, 0.9254, 0.9298, 0.7894, 0.7924, None, None, 0.6958, 0.7042),
    }
)
"""UF1 and UAR in three classes on each of `TABLE_5_DATASETS`; quoted there from the methods' papers."""

TABLE_5_DATASETS = ("SMIC", "CASME II", "SAMM", "CAS(ME)^3", "MMME")

TABLE_9: Mapping[str, tuple[float | None, ...]] = MappingProxyType(
    {
        "mesnet-style": (0.0490, 0.0260, None, 0.0511),
        "abpn": (0.2264, 0.1590, 0.3529, 0.2861),
        "sl-swin": (0.0898, 0.0879, 0.1944, 0.2152),
        "dma-lbp": (0.0423, 0.0096, None, 0.1563),
        "msof-style": (0.3404, 0.3928, 0.3902, 0.3747),
    }
)
"""F1 on each of `TABLE_9_DATASETS`; splits differ from cell to cell."""

TABLE_9_DATASETS = ("SAMM", "CASME II", "CAS(ME)^3", "MMME")

FUSION: Mapping[int, Mapping[str, tuple[float, float, float, float]]] = MappingProxyType(
    {
        7: {
            "ME": (47.64, 0.4543, 0.3766, 0.3550), "EEG": (42.19, 0.4089, 0.3447, 0.3312),
            "PERI": (33.45, 0.3256, 0.2998, 0.2776), "ME+EEG+PERI": (49.38, 0.4894, 0.4021, 0.3887),
        },
        3: {
            "ME": (74.96, 0.7326, 0.7072, 0.7171), "EEG": (69.12, 0.6628, 0.5834, 0.5522),
            "PERI": (52.45, 0.5034, 0.4205, 0.4137), "ME+EEG+PERI": (77.46, 0.7525, 0.7343, 0.7455),
        },
    }
)  # fmt: skip
"""Tables 7 (seven classes) and 8 (three): accuracy (%), F1, UF1, UAR."""

TABLE_10: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = MappingProxyType(
    {
        "mesnet-style": ((0.0511, 0.0372, 0.2963), (0.1067, 0.0914, 0.2963)),
        "abpn": ((0.2861, 0.3104, 0.2547), (0.3646, 0.3932, 0.2547)),
        "sl-swin": ((0.2152, 0.2290, 0.2694), (0.2780, 0.2949, 0.2694)),
        "dma-lbp": ((0.1563, 0.1350, 0.2453), (0.1734, 0.1602, 0.2453)),
        "msof-style": ((0.3747, 0.4356, 0.4122), (0.4023, 0.4790, 0.4122)),
    }
)
"""F1, precision, recall without and with the heart-rate filter."""

AMF: Mapping[str, float] = MappingProxyType({"audio+visual": 81.90, "visual": 78.54, "audio": 75.16})
"""AMF-Net's accuracy in percent, three classes, leave-one-subject-out."""

ALPHA = "above 0.80"
ICC: Mapping[str, float] = MappingProxyType({"valence": 0.768, "arousal": 0.697})
AU_AGREEMENT = 0.84
"""Equations 1 to 3: of 20 raters and 320 clips, of two coders."""

COUNTS: Mapping[str, float] = MappingProxyType({"participants": 75, "micro": 634, "macro": 2841})
DURATION_MS = (381.7, 100.5)
"""Mean and SD of micro-expressions (section 3.5; section 3.4 says 389 and 97)."""
TRIALS = "2,890 (also 2,814 and 4,200)"
CONSENT: Mapping[str, int] = MappingProxyType({"level 1": 62, "level 2": 13})
"""Section 5; section 3.1 says that all consented."""
