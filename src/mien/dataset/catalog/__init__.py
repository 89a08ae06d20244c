"""One adapter per published dataset: a declaration of its labels and layout, and one reading method."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mien.core.errors import OptionError
from mien.dataset.catalog.adapter import DatasetFormat
from mien.dataset.catalog.casme import CASME
from mien.dataset.catalog.casme2 import CASME2
from mien.dataset.catalog.casme3 import CASME3
from mien.dataset.catalog.casme_sq import CASME_SQ
from mien.dataset.catalog.dfme import DFME
from mien.dataset.catalog.fourdme import FOURDME
from mien.dataset.catalog.megc2019_flow import MEGC2019_FLOW
from mien.dataset.catalog.meview import MEVIEW
from mien.dataset.catalog.mmed import MMED
from mien.dataset.catalog.mmew import MMEW
from mien.dataset.catalog.mmme import MMME
from mien.dataset.catalog.samm import SAMM
from mien.dataset.catalog.samm_lv import SAMM_LV
from mien.dataset.catalog.smic import SMIC, SMIC_NIR, SMIC_VIS

_ALL: tuple[DatasetFormat, ...] = (
    MMME(),
    MMED,
    SMIC,
    SMIC_VIS,
    SMIC_NIR,
    CASME,
    CASME2,
    SAMM,
    SAMM_LV,
    CASME_SQ,
    CASME3,
    MMEW,
    FOURDME,
    MEVIEW,
    DFME,
)

DATASETS: Mapping[str, DatasetFormat] = MappingProxyType({dataset.name: dataset for dataset in _ALL})
"""Every published dataset that can be imported, by name."""


def dataset_format(name: str) -> DatasetFormat:
    """The adapter of a name; raises OptionError for another one, with the choices."""
    try:
        return DATASETS[name.strip().lower()]
    except KeyError:
        raise OptionError(
            "format", wanted=f"one of {', '.join(DATASETS)}", got=repr(name), remedy="choose one of these"
        ) from None


__all__ = ["DATASETS", "MEGC2019_FLOW", "dataset_format"]
