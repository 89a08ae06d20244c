"""Scores of recognition and spotting."""
