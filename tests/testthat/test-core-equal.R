# What RunSMART returns is what the Python core returns, called without this package: in a
# Python of its own, on files.

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
    object <- RunSMART(object, lam = 7, verbose = FALSE), "lam=7.0 must be a number from 0 to 1"
  )
  expect_error(RunSMART(object, lamda = 7, verbose = FALSE), "Unknown argument")
  expect_identical(object, before)
})
