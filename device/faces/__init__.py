"""Faces in a frame: detection, tracking, quality gate, upright crops."""
