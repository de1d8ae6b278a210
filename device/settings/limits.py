"""Limits that several settings share.

Upper limits are far beyond use: they catch typing errors.
"""

SIDE = (16, 16384)  # px
FACE = (0, 16384)  # px
RATE = (0.1, 1000)  # Hz
DAY = (0, 86400)  # s
