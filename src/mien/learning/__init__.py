"""The one training loop, and what every network needs beside it: seeds, losses, samplers, device, weights.

Knows tensors and labels, nothing of faces. Networks are torch modules; weights are stored as safetensors.
May use jobs and core. Importing it imports torch: rooms above do so where they train, not before.
"""

from mien.learning.train import TrainingSettings, predict_scores, train
from mien.learning.weights import load_network, save_network

__all__ = ["TrainingSettings", "load_network", "predict_scores", "save_network", "train"]
