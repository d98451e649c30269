"""What everything else is about: label maps, cells, boxes, instances, and masks as run lengths. Imports no other room.

Built in chapters 2 and 8.
"""
