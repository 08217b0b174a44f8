"""Where results live in AnnData and MuData, in one place."""

SPATIAL = "spatial"
"""``obsm`` key of the coordinates, shape (n_spots, 2) or (n_spots, 3)."""

PCA = "X_pca"
"""``obsm`` key of a modality's principal components, shape (n_spots, n_comps)."""

EMBEDDING = "X_smart"
"""``obsm`` key of the joint embedding, shape (n_spots, latent_dim)."""

RESULT = "smart"
"""``uns`` key of parameters, loss history and diagnostics."""

DOMAINS = "smart"
"""``obs`` key of the domains (clusters of the embedding)."""

SECTION = "section"
"""``obs`` key of the section of each spot."""

SECTION_COLUMNS = (SECTION, "smart_section", "smart_section_1")
"""Columns of ``obs`` in which the command line notes the section of a spot: the first that is free."""

IMAGE = "image"
"""``obs`` key of the image (of Seurat) or sample (of SpatialExperiment) of each spot."""

BATCH = "batch"
"""``obs`` key of the batch of each spot, where the caller names no column."""

HARMONY = "X_pca_harmony"
"""``obsm`` key of principal components without batch effects."""

FOLDER = "smart_folder"
"""``uns`` key of what is known of the machine whose folder was read."""
