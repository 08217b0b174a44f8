# What RunSMART returns is what the Python core returns, called without this package: in a
# Python of its own, on files; several sections by its public functions.

skip_if_not_installed("Seurat")

embed_in_python <- function(counts, coords, folder, seed, epochs) {
  dir.create(folder)
  for (name in names(counts)) {
    Matrix::writeMM(counts[[name]], file.path(folder, paste0(name, ".mtx")))
  }
  writeBin(as.vector(t(coords)), file.path(folder, "coords.bin"))
  script <- c(
    "import sys",
    "import anndata as ad",
    "import numpy as np",
    "import scipy.io",
    "import smartcore as sm",
    "folder, seed, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])",
    "xy = np.fromfile(f'{folder}/coords.bin').reshape(-1, 2)",
    "mods = {}",
    "for name in ('rna', 'protein'):",
    "    counts = scipy.io.mmread(f'{folder}/{name}.mtx').T.tocsr().astype(float)",
    "    mods[name] = ad.AnnData(counts)",
    "    mods[name].obsm['spatial'] = xy",
    "    getattr(sm.pp, name)(mods[name], seed=seed)",
    "mdata = sm.tl.smart(mods, seed=seed, epochs=epochs, progress=False)",
    "mdata.obsm['X_smart'].astype(np.float64).tofile(f'{folder}/embedding.bin')",
    "sm.tl.cluster(mdata, 4, method='gmm', seed=seed)",
    "np.savetxt(f'{folder}/gmm.txt', mdata.obs['smart'].astype(int), fmt='%d')",
    "try:",
    "    sm.tl.cluster(mdata, 4, method='mclust', seed=seed)",
    "except ImportError as error:",
    "    print('no mclust from Python:', error)",
    "else:",
    "    np.savetxt(f'{folder}/mclust.txt', mdata.obs['smart'].astype(int), fmt='%d')"
  )
  file <- file.path(folder, "embed.py")
  writeLines(script, file)
  said <- system2(
    reticulate::py_exe(), shQuote(c(file, folder, seed, epochs)),
    stdout = TRUE, stderr = TRUE,
    # R's own points at libraries that need not be this Python's.
    env = "LD_LIBRARY_PATH="
  )
  if (!file.exists(file.path(folder, "gmm.txt"))) {
    stop("Python: ", paste(said, collapse = "\n"))
  }
  read <- function(name) {
    path <- file.path(folder, name)
    if (file.exists(path)) scan(path, quiet = TRUE)
  }
  n <- nrow(coords)
  embedding <- readBin(file.path(folder, "embedding.bin"), "double", n * 64 + 1)
  list(
    embedding = matrix(embedding, n, byrow = TRUE), gmm = read("gmm.txt"),
    mclust = read("mclust.txt")
  )
}

test_that("embedding and clusters are exactly those of the core", {
  skip_without_core()
  object <- SimulateSMART(n.rows = 12, n.cols = 12)
  xy <- unname(places_seurat(object, verbose = FALSE)$coords)
  oracle <- embed_in_python(
    list(rna = get_counts(object, "Spatial"), protein = get_counts(object, "ADT")),
    xy, new_folder(), seed = 7, epochs = 30
  )
  result <- RunSMART(
    object,
    assays = c("Spatial", "ADT"), n.clusters = 4, cluster.method = "gmm", seed.use = 7, epochs = 30,
    verbose = FALSE
  )
  expect_true(identical(unname(SeuratObject::Embeddings(result, "smart")), oracle$embedding))
  expect_equal(as.numeric(as.character(result$smart_clusters)), oracle$gmm)
  expect_equal(nrow(SeuratObject::Misc(result[["smart"]])$history), 30)

  found <- FindSMARTClusters(result, 4, method = "gmm", seed.use = 7, verbose = FALSE)
  expect_identical(found$smart_clusters, result$smart_clusters)

  if (rlang::is_installed("mclust") && !is.null(oracle$mclust)) {
    found <- FindSMARTClusters(result, 4, method = "mclust", seed.use = 7, verbose = FALSE)
    expect_equal(as.numeric(as.character(found$smart_clusters)), oracle$mclust)
  }

  if (rlang::is_installed("SingleCellExperiment")) {
    sce <- SimulateSMART(n.rows = 12, n.cols = 12, class = "SingleCellExperiment")
    sce <- RunSMART(sce, coords = xy, seed.use = 7, epochs = 30, verbose = FALSE)
    expect_true(identical(
      unname(SingleCellExperiment::reducedDim(sce, "SMART")), oracle$embedding
    ))
  }
})

test_that("split layers give what whole ones give", {
  skip_without_core()
  skip_if_not(seurat_5(), "layers need SeuratObject 5")
  object <- SimulateSMART(n.rows = 12, n.cols = 12)
  whole <- RunSMART(object, assays = c("Spatial", "ADT"), epochs = 10, verbose = FALSE)
  split <- object
  split$half <- rep(c("b", "a"), length.out = ncol(object))
  split[["Spatial"]] <- methods::as(split[["Spatial"]], "Assay5")
  split[["Spatial"]] <- split(split[["Spatial"]], f = split$half)
  split <- RunSMART(split, assays = c("Spatial", "ADT"), epochs = 10, verbose = FALSE)
  # The order of the cells changes rounding alone.
  expect_equal(
    SeuratObject::Embeddings(split, "smart"), SeuratObject::Embeddings(whole, "smart"),
    tolerance = 1e-3
  )
})

run <- function(object, ..., epochs = 5) RunSMART(object, ..., epochs = epochs, verbose = FALSE)
embedding_of <- function(object) unname(SeuratObject::Embeddings(object, "smart"))

test_that("a list of Seurat objects gives what the core gives, to the last bit", {
  skip_without_core()
  skip_if_not_installed("Seurat")
  data <- two_sections()
  objects <- lapply(data, section_seurat)
  here <- run(
    objects,
    seed.use = 7, n.features = 20, n.comps = 8, harmony.theta = 3, harmony.rounds = 4
  )
  there <- python_sections(
    data,
    seed = 7, epochs = 5, n_top_genes = 20L, n_comps = 8L, harmony_theta = 3, harmony_rounds = 4L
  )
  for (section in names(data)) {
    expect_identical(embedding_of(here[[section]]), there[[section]])
    misc <- SeuratObject::Misc(here[[section]][["smart"]])
    expect_identical(misc$sections, c(left = 80L, right = 48L))
    # Genes 6 to 60 are in both, 12 proteins, and 55 of 60 peaks.
    expect_identical(misc$modalities$n.features, c(55L, 12L, 55L))
    expect_identical(misc$params$harmony_rounds, 4L)
  }
})

test_that("features are scaled over all sections where that is asked for", {
  skip_without_core()
  skip_if_not_installed("Seurat")
  data <- two_sections()
  here <- run(lapply(data, section_seurat), seed.use = 7, align.sections = FALSE)
  there <- python_sections(data, seed = 7, epochs = 5, align_sections = FALSE)
  for (section in names(data)) expect_identical(embedding_of(here[[section]]), there[[section]])
  expect_error(run(lapply(data, section_seurat), align.sections = "no"), "must be TRUE or FALSE")
})

test_that("so it is where a section lacks a modality, and with SingleCellExperiments", {
  skip_without_core()
  skip_if_not_installed("SingleCellExperiment")
  data <- two_sections()
  data$right$protein <- NULL
  sces <- lapply(data, function(one) {
    experiments <- lapply(one[setdiff(names(one), "coords")], function(x) {
      SingleCellExperiment::SingleCellExperiment(list(counts = x))
    })
    sce <- experiments$rna
    SingleCellExperiment::mainExpName(sce) <- "rna"
    SingleCellExperiment::altExps(sce) <- experiments[setdiff(names(experiments), "rna")]
    sce$x <- one$coords[, "x"]
    sce$y <- one$coords[, "y"]
    sce
  })
  here <- run(sces, assays = c("rna", "protein", "chromatin"))
  there <- python_sections(data, seed = 42, epochs = 5)
  for (section in names(data)) {
    found <- SingleCellExperiment::reducedDim(here[[section]], "SMART")
    expect_identical(unname(found), there[[section]])
  }
  expect_true(all(is.na(here$right$smart.contribution.protein)))
  expect_false(anyNA(here$right$smart.contribution.rna))
})

test_that("a column, images and sample_id are the sections that the core is given", {
  skip_without_core()
  skip_if_not_installed("Seurat")
  simulate <- function(...) {
    SimulateSMART(
      n.rows = c(8, 6), n.cols = c(8, 7), n.genes = 80, n.sections = 2, batch.effect = 0.7, ...
    )
  }
  object <- simulate()
  xy <- places_seurat(object, verbose = FALSE)$coords[colnames(object), ]
  data <- list(
    rna = get_counts(object, "Spatial"), protein = get_counts(object, "ADT"), coords = xy
  )
  python <- function(...) {
    python_smart(data, seed = 42, epochs = 5, rna = list(n_top_genes = 30L), ...)$embedding
  }
  there <- python(sections = object$section)
  expect_false(isTRUE(all.equal(there, python())))
  run <- function(object, ...) {
    RunSMART(object, n.features = c(rna = 30), epochs = 5, verbose = FALSE, ...)
  }
  expect_identical(embedding_of(run(object)), there)
  # One object of a list, too, whose images are sections.
  expect_identical(embedding_of(run(list(object))[[1]]), there)

  object$x <- xy[, 1]
  object$y <- xy[, 2]
  object[["slice1"]] <- object[["slice2"]] <- NULL
  expect_identical(embedding_of(run(object, section.by = "section")), there)

  skip_if_not_installed("SpatialExperiment")
  spe <- simulate(class = "SpatialExperiment")
  # Which axis comes first changes rounding.
  SpatialExperiment::spatialCoords(spe) <- xy[colnames(spe), ]
  spe <- run(spe)
  expect_identical(unname(SingleCellExperiment::reducedDim(spe, "SMART")), there)
})

test_that("sections, missing cells and single modalities run through", {
  skip_without_core()
  object <- SimulateSMART(n.rows = 8, n.cols = 8, n.sections = 2)
  result <- RunSMART(object, n.clusters = 3, epochs = 10, verbose = FALSE)
  expect_equal(dim(result[["smart"]]), c(128, 64))
  expect_equal(SeuratObject::Misc(result[["smart"]])$sections, c(slice1 = 64L, slice2 = 64L))
  result <- RunSMART(object, assays = "ADT", epochs = 10, verbose = FALSE)
  expect_named(SeuratObject::Misc(result[["smart"]])$n.triplets, "protein")

  objects <- list(a = SimulateSMART(8, 8, seed.use = 1), b = SimulateSMART(8, 8, seed.use = 2))
  objects$b[["ADT"]] <- NULL
  result <- RunSMART(objects, n.clusters = 3, epochs = 10, verbose = FALSE)
  for (one in result) {
    expect_equal(dim(one[["smart"]]), c(64, 64))
    expect_true(all(is.finite(SeuratObject::Embeddings(one, "smart"))))
    expect_false(anyNA(one$smart_clusters))
  }
})

test_that("an error of the core reaches the user as ours, the object untouched", {
  skip_without_core()
  object <- before <- SimulateSMART(n.rows = 8, n.cols = 8)
  expect_error(
    object <- RunSMART(object, lam = 7, verbose = FALSE), "lam = 7 must be a number from 0 to 1"
  )
  expect_error(RunSMART(object, lamda = 7, verbose = FALSE), "Unknown argument")
  expect_identical(object, before)
})
