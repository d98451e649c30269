"""Everything that draws: the house style, pictures and label maps, overlays, maps of cells, curves, sliders.

Built in chapters 1, 2 and 6.
"""
