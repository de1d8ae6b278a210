"""What is trained: bases with their preprocessing, heads, and teachers beside a student."""
