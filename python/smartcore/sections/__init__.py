"""What keeps spots from being compared: batch effects, modalities a spot lacks."""
