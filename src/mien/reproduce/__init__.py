"""Every table and figure of the papers, on any study: one file per item, composition only.

An item says what it needs, runs what `experiments` and the analyses offer, and sets the numbers beside the
published ones. `catalogue` lists the items, `plan` says what they will take, `run` goes through them,
`published` holds what the papers print. May use everything below the command line; contains no algorithm.
"""

from mien.reproduce.catalogue import ITEMS, find_items
from mien.reproduce.item import ItemResult
from mien.reproduce.run import Reproduction, reproduce
from mien.reproduce.setting import Setting

__all__ = ["ITEMS", "ItemResult", "Reproduction", "Setting", "find_items", "reproduce"]
