"""The table that feature extraction gives: one row per window, one column per feature, a reason per hole.

`TABLE_3` and `TABLE_6` name the columns that stand for the printed rows of MMME's tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.core.time import FloatArray

if TYPE_CHECKING:
    import pandas as pd

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "no-signal": "the session has no signal of this kind",
        "low-rate": "sampled too slowly for this kind of signal",
        "short-recording": "no run without missing samples is long enough to filter and to detect in",
        "outside-recording": "the window, or the context, is not wholly inside the recording",
        "missing-samples": "more than 5 % of the samples are missing",
        "detached": "the level is none that skin on an electrode or a sensor has",
        "flat": "constant for longer than the signal can be",
        "clipped": "rests on the recording's largest or smallest value",
        "noisy": "more noise than signal, by the rule of its kind",
        "short-window": "the window holds too little time for this feature",
        "few-beats": "too few accepted RR or pulse intervals inside the window",
        "no-breath": "no, or too few, whole breaths inside the window",
        "no-scr": "no skin conductance response peaks inside the window",
        "no-recovery": "no response inside the window fell to half its height",
        "no-variation": "the quantity it is divided by is zero",
        "no-unit": "the file states no unit for the signal",
    }
)
Reasons = NDArray[np.str_]
Columns = Mapping[str, tuple[FloatArray, Reasons]]


def codes(n: int, fill: str = "") -> Reasons:
    """An array of n reason codes, all the same."""
    return np.full(n, fill, dtype="U20")


@dataclass(frozen=True, slots=True, eq=False)
class EpochFeatures:
    """Features of windows; a value is missing exactly where a reason is given.

    Parameters
    ----------
    names
        Feature names with their unit as suffix, in the order of the columns.
    windows
        Shape (n_epochs, 2), [start, end) in seconds on the master clock.
    values
        Shape (n_epochs, n_features); NaN where there is no value.
    reasons
        Shape (n_epochs, n_features): "" beside a value, else a code of `REASONS`.
    quality
        For each kind of signal the codes of its windows, shape (n_epochs,): "" if good, else why every
        feature of that kind is left out.

    Raises
    ------
    DataError
        If shapes differ, or a value and a reason stand, or lack, in the same place.
    """

    names: tuple[str, ...]
    windows: FloatArray
    values: FloatArray
    reasons: Reasons
    quality: Mapping[str, Reasons]

    def __post_init__(self) -> None:
        shape = (len(self.windows), len(self.names))
        if self.values.shape != shape or self.reasons.shape != shape:
            raise DataError(
                "features",
                wanted=f"shape {shape}",
                got=f"{self.values.shape} and {self.reasons.shape}",
                remedy="give one row per window and one column per name",
            )
        if (np.isfinite(self.values) != (self.reasons == "")).any():
            raise DataError(
                "features",
                wanted="a reason exactly where a value is missing",
                got="both or neither",
                remedy="report this as an error of the feature",
            )

    @classmethod
    def of_columns(
        cls, windows: FloatArray, columns: Columns, quality: Mapping[str, Reasons]
    ) -> EpochFeatures:
        """A table from named columns of values and reasons, each of shape (n_epochs,)."""
        n = len(windows)
        values = np.empty((n, len(columns)))
        reasons = np.empty((n, len(columns)), dtype="U20")
        for i, (column, why) in enumerate(columns.values()):
            values[:, i], reasons[:, i] = column, why
        return cls(tuple(columns), windows, values, reasons, MappingProxyType(dict(quality)))

    def __getitem__(self, name: str) -> FloatArray:
        """One feature's values, shape (n_epochs,); raises OptionError for an unknown name."""
        return np.asarray(self.values[:, self._column(name)])

    def reason(self, name: str) -> Reasons:
        """One feature's reasons, shape (n_epochs,); raises OptionError for an unknown name."""
        return np.asarray(self.reasons[:, self._column(name)])

    def _column(self, name: str) -> int:
        if name not in self.names:
            raise OptionError(
                "feature", wanted="a name of the table", got=repr(name), remedy="look at its names"
            )
        return self.names.index(name)

    def select(self, names: Sequence[str]) -> EpochFeatures:
        """The named columns in the given order; raises OptionError for an unknown name."""
        at = [self._column(name) for name in names]
        return EpochFeatures(
            tuple(names), self.windows, self.values[:, at], self.reasons[:, at], self.quality
        )

    def excluded(self) -> dict[str, dict[str, int]]:
        """For each kind of signal, how many windows were left out as a whole, and why."""
        found = {}
        for kind, why in self.quality.items():
            words, counts = np.unique(why[why != ""], return_counts=True)
            found[kind] = {str(word): int(n) for word, n in zip(words, counts, strict=True)}
        return found

    def frame(self) -> pd.DataFrame:
        """Long form: epoch, start_s, end_s, feature, value, reason; one row per window and feature."""
        import pandas as pd

        n, m = self.values.shape
        return pd.DataFrame(
            {
                "epoch": np.repeat(np.arange(n), m),
                "start_s": np.repeat(self.windows[:, 0], m),
                "end_s": np.repeat(self.windows[:, 1], m),
                "feature": np.tile(np.array(self.names, dtype=object), n),
                "value": self.values.reshape(-1),
                "reason": self.reasons.reshape(-1).astype(object),
            }
        )


# MMME, Table 3, in the order printed (48 rows). RR_* count every interval found, HRV_* the accepted ones.
TABLE_3: Mapping[str, str] = MappingProxyType(
    {
        "ECG_Mean": "ecg_mean_mv",
        "ECG_Std": "ecg_sd_mv",
        "ECG_Max": "ecg_max_mv",
        "ECG_Min": "ecg_min_mv",
        "ECG_Range": "ecg_range_mv",
        "RR_Mean": "ecg_rr_mean_ms",
        "RR_Std": "ecg_rr_sd_ms",
        "Heart_Rate_Mean": "ecg_rate_mean_bpm",
        "HRV_MeanNN": "hrv_mean_nn_ms",
        "HRV_SDNN": "hrv_sdnn_ms",
        "HRV_RMSSD": "hrv_rmssd_ms",
        "HRV_SDSD": "hrv_sdsd_ms",
        "HRV_CVNN": "hrv_cvnn",
        "HRV_CVSD": "hrv_cvsd",
        "HRV_MedianNN": "hrv_median_nn_ms",
        "HRV_MadNN": "hrv_mad_nn_ms",
        "HRV_MCVNN": "hrv_mcvnn",
        "HRV_IQRNN": "hrv_iqr_nn_ms",
        "HRV_SDRMSSD": "hrv_sdrmssd",
        "HRV_Prc20NN": "hrv_prc20_nn_ms",
        "HRV_Prc80NN": "hrv_prc80_nn_ms",
        "HRV_pNN50": "hrv_pnn50_percent",
        "HRV_pNN20": "hrv_pnn20_percent",
        "HRV_MinNN": "hrv_min_nn_ms",
        "HRV_MaxNN": "hrv_max_nn_ms",
        "HRV_HTI": "hrv_hti",
        "HRV_TINN": "hrv_tinn_ms",
        "PPG_Rate_Mean": "ppg_rate_mean_bpm",
        "RSP_Mean": "rsp_mean",
        "RSP_Std_dev": "rsp_sd",
        "RSP_Median": "rsp_median",
        "RSP_Max_value": "rsp_max",
        "RSP_Min_value": "rsp_min",
        "RSP_Skewness": "rsp_skewness",
        "RSP_Kurtosis": "rsp_kurtosis",
        "EDA_Mean": "eda_mean_us",
        "EDA_Std": "eda_sd_us",
        "EDA_Max": "eda_max_us",
        "EDA_Min": "eda_min_us",
        "EDA_Range": "eda_range_us",
        "EDA_Num_peaks": "eda_scr_n",
        "EDA_Mean_amplitude": "eda_scr_amplitude_mean_us",
        "SKT_Mean": "skt_mean_degc",
        "SKT_Std": "skt_sd_degc",
        "SKT_Max": "skt_max_degc",
        "SKT_Min": "skt_min_degc",
        "SKT_Range": "skt_range_degc",
        "SKT_Slope": "skt_slope_mk_per_s",
    }
)

# MMME, Table 6 (features of the fusion), in the order printed.
TABLE_6: Mapping[str, str] = MappingProxyType(
    {
        "PR": "ppg_rate_mean_bpm",
        "HR": "ecg_rate_mean_bpm",
        "SDSD": "hrv_sdsd_ms",
        "SDNN": "hrv_sdnn_ms",
        "RMSDD": "hrv_rmssd_ms",
        "LF": "hrv_lf_ms2",
        "HF": "hrv_hf_ms2",
        "LFn": "hrv_lf_fraction",
        "HFn": "hrv_hf_fraction",
        "LF/HF": "hrv_lfhf",
        "SD1/SD2": "hrv_sd1sd2",
        "PSS": "hrv_pss",
        "PIP": "hrv_pip",
        "mu_BR": "rsp_rate_mean_per_min",
        "sigma_BR": "rsp_rate_sd_per_min",
        "mu_[E-I]": "rsp_inhale_exhale_ratio",
        "mu_T": "skt_mean_degc",
        "sigma_T": "skt_sd_degc",
        "min_T": "skt_min_degc",
        "max_T": "skt_max_degc",
        "sum SCL'": "eda_scl_change_us",
        "#SCR/W": "eda_scr_rate_per_s",
        "mu_SCR Amplitude": "eda_scr_amplitude_mean_us",
        "mu_SCR Rise": "eda_scr_rise_mean_s",
        "mu_SCR Recovery": "eda_scr_recovery_mean_s",
    }
)
