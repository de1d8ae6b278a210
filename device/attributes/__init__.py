"""Attributes of a face: model card, classifier, smoothing over time, labels."""
