"""What a run learns from: photos, crops cut as the device cuts them, and how they are varied."""
