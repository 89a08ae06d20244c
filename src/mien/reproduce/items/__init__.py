"""One file per table, figure or equation of the papers; each defines `ITEM`."""
