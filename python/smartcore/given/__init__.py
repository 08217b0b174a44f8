"""What users give: kinds of features, names of spots, marks of the tissue."""
