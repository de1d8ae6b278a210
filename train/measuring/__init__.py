"""What a trained model is worth: figures, stress, groups, people, charts and the card."""
