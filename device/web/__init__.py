"""The web page: what the camera sees now, for a browser in the same network."""
