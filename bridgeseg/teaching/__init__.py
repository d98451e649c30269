"""What only chapters need: their set-up, checks of what a reader built, lessons, and the cache of trained networks.

Built in chapter 1.
"""
