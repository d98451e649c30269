"""The machine: environment variables, files, processes, bfloat16, progress. Nothing here knows of pictures or networks.

Built in chapters 1 and 6.
"""
