"""The companion package of the book: from category scores to instances, a room an idea, a module a part of it.

Imports run one way: structures, machine, then data, networks, losses, grouping and measures, which do not import one
another, then system and plots, training, and last teaching and the command line.

Built in chapters 1 to 15.
"""

__version__ = "0.1.0"
