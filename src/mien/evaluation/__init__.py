"""Evaluation that holds: tasks, splits without a subject on both sides, protocols, runs and comparisons.

Methods are met through the `Recogniser` protocol only; this room imports no method. Scores come from
counts pooled over all folds. May use jobs, dataset, stats, metrics and core.
"""

from mien.evaluation.compare import Comparison, compare_records
from mien.evaluation.method import Method, Recogniser, StagedRecogniser
from mien.evaluation.protocol import PROTOCOLS, Protocol
from mien.evaluation.run import Settings, evaluate_method
from mien.evaluation.score import Estimate, RecordScores, score_record, score_samples
from mien.evaluation.split import Fold, grouped_k_fold, leave_one_dataset_out, leave_one_subject_out
from mien.evaluation.task import Task

__all__ = [
    "PROTOCOLS",
    "Comparison",
    "Estimate",
    "Fold",
    "Method",
    "Protocol",
    "Recogniser",
    "RecordScores",
    "Settings",
    "StagedRecogniser",
    "Task",
    "compare_records",
    "evaluate_method",
    "grouped_k_fold",
    "leave_one_dataset_out",
    "leave_one_subject_out",
    "score_record",
    "score_samples",
]
