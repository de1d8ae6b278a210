"""Facet on the device: a camera's frames in, attributes of the faces in them out."""

__version__ = "0.1.0"
