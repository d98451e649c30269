"""From pictures to maps: trunks, heads, the fully convolutional network, pretrained weights, what one cell sees.

Built in chapters 4, 5 and 11.
"""
