"""The parts together: recipes and presets, the networks they ask for, checkpoints, prediction, evaluation.

Built in chapters 5, 8, 10 and 11.
"""
