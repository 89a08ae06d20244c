"""One adapter per published dataset: a declaration of its labels and layout, and one reading method."""

from mien.dataset.catalog.megc2019_flow import MEGC2019_FLOW

__all__ = ["MEGC2019_FLOW"]
