"""What keeps spots from being compared: batch effects of sections, modalities a spot lacks."""
