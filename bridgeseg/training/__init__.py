"""Training: mini-batches, the objective, the optimiser, the trainer, and a run from its data to its folder.

Built in chapter 6.
"""
