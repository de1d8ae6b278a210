"""The second room: faces in a frame, and the upright crop of each."""
