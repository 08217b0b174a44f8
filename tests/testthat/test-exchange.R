# The way of docs/exchange.md: an object with results to Python, into files, and back.

skip_without_core()

# In a process of its own, as rpy2 starts an R.
there_and_back <- function(object, kind) {
  python <- reticulate::py_exe()
  files <- file.path(new_folder(), c("object.rds", "object.h5mu", "one.h5ad", "back.rds"))
  dir.create(dirname(files[1]))
  saveRDS(object, files[1])
  script <- file.path(dirname(files[1]), "script.py")
  writeLines("
import sys
import anndata, mudata
import smartcore as sm
mudata.set_options(pull_on_update=False)
given, joint, single, back, kind, assay = sys.argv[1:]
mdata = sm.io.read_rds(given)
sm.io.write_h5mu(mdata, joint)
sm.io.write_h5ad(sm.io.as_anndata(mdata, assay), single)
adata = anndata.read_h5ad(single)
print('obsm', adata.obsm['X_smart'].shape[0], adata.obsm['spatial'].shape[1])
print('domains', *adata.obs['smart_clusters'].cat.categories)
sm.io.write_rds(mudata.read_h5mu(joint), back, kind=kind)
", script)
  assay <- if (inherits(object, "Seurat")) SeuratObject::DefaultAssay(object) else "rna"
  said <- suppressWarnings(system2(
    python, shQuote(c(script, files, kind, assay)),
    stdout = TRUE, stderr = TRUE,
    # R itself has set this for another process than its own.
    env = "LD_LIBRARY_PATH="
  ))
  missing <- grep("ImportError: (reading|writing)", said, value = TRUE)
  if (length(missing)) {
    if (Sys.getenv("SMART_REQUIRE_R") == "true") stop(missing)
    skip(missing[1])
  }
  if (!file.exists(files[4])) stop(paste(said, collapse = "\n"))
  list(said = said, object = readRDS(files[4]))
}

test_that("Seurat, .h5mu and .h5ad keep places, domains, embedding and colours", {
  skip_if_not_installed("Seurat")
  skip_if_not_installed("SingleCellExperiment")
  object <- SimulateSMART(n.rows = 8, n.cols = 8, n.sections = 2)
  # That the borders of domains are uncertain is no matter here.
  object <- suppressWarnings(
    RunSMART(object, n.clusters = 4, epochs = 3, latent.dim = 8, verbose = FALSE)
  )
  colours <- c("0" = "#aa0000", "1" = "#00bb00", "2" = "#0000cc", "3" = "#dd00dd")
  SeuratObject::Misc(object, "smart_clusters_colors") <- colours
  result <- there_and_back(object, "Seurat")
  expect_true("obsm 128 2" %in% result$said)
  expect_true("domains 0 1 2 3" %in% result$said)
  back <- result$object
  expect_s4_class(back, "Seurat")
  expect_identical(colnames(back), colnames(object))
  expect_identical(back$smart_clusters, object$smart_clusters)
  expect_identical(SeuratObject::Idents(back), SeuratObject::Idents(object))
  embedding <- SeuratObject::Embeddings(object, "smart")
  expect_equal(SeuratObject::Embeddings(back, "smart"), embedding, tolerance = 1e-6)
  expect_identical(back$smart.contribution.rna, object$smart.contribution.rna)
  expect_identical(SeuratObject::Misc(back, "smart_clusters_colors"), colours)
  expect_identical(SeuratObject::Images(back), SeuratObject::Images(object))
  # Images read by the package, as it does for any object.
  places <- function(x) image_places(x, SeuratObject::Images(x), FALSE)
  expect_equal(lapply(places(back), bare), lapply(places(object), bare))
  for (assay in SeuratObject::Assays(object)) {
    expect_equal(get_counts(back, assay), get_counts(object, assay), ignore_attr = TRUE)
  }
  # It is known as one with results of its own.
  again <- RunSMART(back, epochs = 3, latent.dim = 8, verbose = FALSE)
  expect_equal(SeuratObject::Embeddings(again, "smart"), embedding, tolerance = 1e-5)
})

test_that("SingleCellExperiment keeps places, domains, embedding and colours", {
  skip_if_not_installed("SingleCellExperiment")
  data <- quarters()
  object <- SingleCellExperiment::SingleCellExperiment(list(counts = data$rna))
  SingleCellExperiment::mainExpName(object) <- "rna"
  SingleCellExperiment::altExp(object, "ADT") <-
    SingleCellExperiment::SingleCellExperiment(list(counts = data$protein))
  SingleCellExperiment::reducedDim(object, "spatial") <- data$coords
  object <- RunSMART(object, n.clusters = 4, epochs = 3, latent.dim = 8, verbose = FALSE)
  colours <- c("0" = "#aa0000", "1" = "#00bb00", "2" = "#0000cc", "3" = "#dd00dd")
  S4Vectors::metadata(object)$smart_clusters_colors <- colours
  result <- there_and_back(object, "SingleCellExperiment")
  expect_true("obsm 240 2" %in% result$said)
  back <- result$object
  expect_identical(back$smart_clusters, object$smart_clusters)
  for (name in c("SMART", "spatial")) {
    expect_equal(
      bare(SingleCellExperiment::reducedDim(back, name)),
      bare(SingleCellExperiment::reducedDim(object, name)),
      tolerance = 1e-6
    )
  }
  expect_identical(S4Vectors::metadata(back)$smart_clusters_colors, colours)
  expect_equal(SingleCellExperiment::counts(back), data$rna, ignore_attr = TRUE)
})
