"""Facet on the desk: CelebA in, a quantized .tflite and its card out. Never runs on the device."""
