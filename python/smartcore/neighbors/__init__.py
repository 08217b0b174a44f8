"""Nearest neighbours in feature space, exact or approximate, within sections and between them."""
