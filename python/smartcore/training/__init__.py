"""From first weights to trained ones: by tiles and steps, over processes, kept in a checkpoint."""
