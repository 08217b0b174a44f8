"""Spots and their places: input checked, the spatial graph, and what varies in space."""
