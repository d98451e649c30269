"""From files to samples: pictures and label maps, the data sets and their splits, scenes, downloads, transforms.

Built in chapters 2, 7 and 12.
"""
