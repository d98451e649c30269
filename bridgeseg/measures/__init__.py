"""How good an answer is: mean IoU of category maps, overlaps of masks, average precision of instances.

Built in chapter 3.
"""
