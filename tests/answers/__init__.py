"""Answers to each notebook's exercises, right and wrong ones, for tests/test_exercises.py."""
