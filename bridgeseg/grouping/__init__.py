"""From maps to instances: the Hough space, the paper's suppression, our voting, and connected components beside them.

Built in chapters 2 and 9.
"""
