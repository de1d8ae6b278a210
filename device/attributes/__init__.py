"""The third room: what a face's crop says, as probabilities and as words."""
