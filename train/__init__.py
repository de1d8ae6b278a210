"""Training on a desktop: photos in, an int8 .tflite and its card out. Not used on the device.

The commands are the modules here and in tools/. Packages, each of which imports only those before
it: data, network, training, evaluation, report and tools.
"""
