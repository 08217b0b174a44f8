# Public data beside the repository: in shared/data of a folder above, or where SMART_SHARED_DATA
# says.

shared_data <- function(...) {
  folder <- Sys.getenv("SMART_SHARED_DATA")
  up <- normalizePath(".")
  while (!nzchar(folder) && dirname(up) != up) {
    up <- dirname(up)
    if (dir.exists(file.path(up, "shared", "data"))) folder <- file.path(up, "shared", "data")
  }
  path <- file.path(folder, ...)
  skip_if_not(nzchar(folder) && file.exists(path), paste("no public data:", file.path(...)))
  path
}

test_that("a Visium object from the days of Seurat 3 runs end to end", {
  skip_if_not_installed("Seurat")
  path <- shared_data("seurat_visium", "seu_anterior1_visium.rds")
  skip_without_core()
  old <- readRDS(path)
  object <- suppressWarnings(suppressMessages(SeuratObject::UpdateSeuratObject(old)))
  truth <- old@images$anterior1@coordinates
  found <- places_seurat(object, verbose = FALSE)$coords
  expect_equal(unname(found), unname(as.matrix(truth[rownames(found), c("imagecol", "imagerow")])))

  counted <- colnames(object)[object$nCount_Spatial > 0]
  expect_lt(length(counted), ncol(object))
  if (!seurat_5()) {
    expect_error(
      suppressWarnings(RunSMART(object, n.clusters = 4, epochs = 15, verbose = FALSE)),
      "subset\\(object, nCount_Spatial > 0\\)"
    )
    object <- subset(object, nCount_Spatial > 0)
  }
  result <- suppressWarnings(RunSMART(object, n.clusters = 4, epochs = 15, verbose = FALSE))
  expect_equal(rownames(result[["smart"]]), counted)
  expect_true(all(is.finite(SeuratObject::Embeddings(result, "smart"))))
  expect_equal(levels(result$smart_clusters), as.character(0:3))
  expect_equal(colnames(result)[!is.na(result$smart_clusters)], counted)
  misc <- SeuratObject::Misc(result[["smart"]])
  expect_equal(misc$params$n_neighbors, 6L)
  expect_equal(misc$modalities$assay, "Spatial")
  expect_s3_class(Seurat::SpatialDimPlot(result), "ggplot")
})

test_that("a 10x folder read by Load10X_Spatial runs end to end", {
  skip_if_not_installed("Seurat")
  skip_if_not(seurat_5(), "reading it as VisiumV2 needs Seurat 5")
  skip_if_not_installed("hdf5r")
  folder <- shared_data("seurat_visium", "visium_outs")
  skip_without_core()
  object <- suppressWarnings(Seurat::Load10X_Spatial(folder))
  expect_s4_class(object[["slice1"]], "VisiumV2")
  positions <- utils::read.csv(
    file.path(folder, "spatial", "tissue_positions_list.csv"),
    header = FALSE, row.names = 1
  )
  found <- places_seurat(object, verbose = FALSE)$coords
  # Distances: which axis is x has changed between versions of Seurat.
  some <- rownames(found)[seq(1, nrow(found), length.out = 50)]
  expect_equal(as.vector(dist(found[some, ])), as.vector(dist(positions[some, 4:5])))

  result <- suppressWarnings(RunSMART(object, n.clusters = 3, epochs = 15, verbose = FALSE))
  counted <- colnames(object)[object$nCount_Spatial > 0]
  expect_equal(rownames(result[["smart"]]), counted)
  expect_true(all(is.finite(SeuratObject::Embeddings(result, "smart"))))
  expect_equal(colnames(result)[!is.na(result$smart_clusters)], counted)
  expect_s3_class(Seurat::SpatialDimPlot(result), "ggplot")
})
