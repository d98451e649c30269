"""Which pixels teach, and how much: the hard pixels of both networks. Plain functions of tensors.

Built in chapters 7 and 8.
"""
