"""A person as a small drawing: attributes and skin tone choose layers, layers make the picture.

Run by `python -m device.emoji`; nothing else of Facet loads this folder.
"""
