"""What everything else is about: label maps, cells, boxes, runs, masks, instances. Imports no other room.

Built in chapters 2, 7 and 8.
"""
