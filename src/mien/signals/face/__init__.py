"""Motion of a face: optical strain so far."""

from mien.signals.face.strain import optical_strain

__all__ = ["optical_strain"]
