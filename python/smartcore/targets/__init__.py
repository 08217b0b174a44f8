"""What the network learns to reconstruct."""
