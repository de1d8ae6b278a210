"""Draw a face as an emoji: attributes and skin tone choose layers, layers make the picture.

Imported by `python -m device.emoji` only.
"""
