skip_if_not_installed("SingleCellExperiment")

col_data <- function(x) SummarizedExperiment::colData(x)
small <- function(...) SimulateSMART(n.rows = 5, n.cols = 5, class = "SingleCellExperiment", ...)
run <- function(object, ...) RunSMART(object, ..., verbose = FALSE)

test_that("the main and the alternative experiments are modalities", {
  seen <- local_fake_core()
  sce <- small()
  run(sce)
  expect_named(seen$modalities, c("rna", "protein"))
  expect_equal(seen$modalities$rna$counts, SummarizedExperiment::assay(sce, "counts"))
  protein <- SummarizedExperiment::assay(SingleCellExperiment::altExp(sce, "ADT"), "counts")
  expect_equal(bare(seen$modalities$protein$counts), bare(protein))
  expect_equal(unname(seen$coords), unname(as.matrix(col_data(sce)[c("x", "y")])))
  run(sce, assays = "ADT")
  expect_named(seen$modalities, "protein")
})

test_that("results are a reducedDim, metadata, and a column of colData", {
  seen <- local_fake_core()
  sce <- small()
  result <- run(sce, n.clusters = 3)
  expect_s4_class(result, "SingleCellExperiment")
  embedding <- SingleCellExperiment::reducedDim(result, "SMART")
  expect_equal(unname(embedding), unname(cbind(seen$coords, 1:25)))
  expect_equal(dimnames(embedding), list(colnames(sce), paste0("SMART_", 1:3)))
  record <- S4Vectors::metadata(result)$SMART
  expect_equal(record$history, data.frame(epoch = 1:2, total = c(2, 1)))
  expect_equal(record$modalities$assay, c("Spatial", "ADT"))
  expect_equal(as.character(result$smart_clusters), rep_len(c("0", "1", "2"), 25))
  expect_s3_class(result$smart_clusters, "factor")
  # All else is as it was.
  SingleCellExperiment::reducedDim(result, "SMART") <- NULL
  S4Vectors::metadata(result)$SMART <- NULL
  result$smart_clusters <- NULL
  for (name in c("rna", "protein")) {
    column <- paste0("smart.contribution.", name)
    expect_equal(result[[column]], rep(0.5, 25))
    result[[column]] <- NULL
  }
  expect_equal(result, sce)
})

test_that("it can be run again, under the same name or another, but not over others' results", {
  local_fake_core()
  sce <- run(small(), n.clusters = 2)
  expect_equal(SingleCellExperiment::reducedDimNames(run(sce)), "SMART")
  again <- run(sce, reduction.name = "paper", reduction.key = "P_")
  expect_equal(SingleCellExperiment::reducedDimNames(again), c("SMART", "paper"))
  SingleCellExperiment::reducedDim(sce, "PCA") <- matrix(1, 25, 2)
  S4Vectors::metadata(sce)$notes <- "mine"
  expect_snapshot({
    error_message(run(sce, reduction.name = "PCA"))
    error_message(run(sce, reduction.name = "notes"))
    error_message(run(sce, reduction.name = 1))
    error_message(run(sce, assays = "RNA"))
    error_message(run(sce, assays = "ADT", layer = "logcounts"))
    error_message(run(sce, coord.cols = c("x", "z")))
    error_message(run(sce[, 0]))
  })
})

test_that("columns without names, or with the same names, are told apart", {
  seen <- local_fake_core()
  sce <- small()
  oracle <- run(sce, n.clusters = 3)
  bare <- sce
  colnames(bare) <- NULL
  result <- run(bare, n.clusters = 3)
  expect_equal(
    unname(SingleCellExperiment::reducedDim(result)),
    unname(SingleCellExperiment::reducedDim(oracle))
  )
  expect_null(colnames(result))
  expect_equal(result$smart_clusters, oracle$smart_clusters)
  twice <- sce
  colnames(twice) <- rep("a", 25)
  xy <- as.matrix(as.data.frame(col_data(sce)[c("x", "y")]))
  rownames(xy) <- colnames(twice)
  result <- run(twice, coords = xy, n.clusters = 3)
  expect_equal(colnames(result), colnames(twice))
  expect_equal(result$smart_clusters, oracle$smart_clusters)
})

test_that("reducedDims stand in for counts", {
  seen <- local_fake_core()
  sce <- small()
  pcs <- matrix(rnorm(100), 25)
  SingleCellExperiment::reducedDim(sce, "PCA") <- pcs
  run(sce, reduction = "PCA")
  expect_named(seen$modalities, "PCA")
  expect_equal(unname(seen$modalities$PCA$pcs), pcs)
  run(sce, reduction = c(Spatial = "PCA"), assays = c("Spatial", "ADT"), dims = 1:2)
  expect_named(seen$modalities, c("rna", "protein"))
  expect_equal(unname(seen$modalities$rna$pcs), pcs[, 1:2])
})

test_that("delayed assays are read", {
  skip_if_not_installed("DelayedArray")
  seen <- local_fake_core()
  sce <- small()
  counts <- SummarizedExperiment::assay(sce)
  SummarizedExperiment::assay(sce) <- DelayedArray::DelayedArray(counts)
  run(sce, features = list(Spatial = c("Gene4", "Gene3")))
  expect_equal(seen$modalities$rna$counts, counts[c("Gene4", "Gene3"), ])
})

test_that("an experiment without a name is the main one", {
  seen <- local_fake_core()
  sce <- small()
  SingleCellExperiment::mainExpName(sce) <- NULL
  expect_message(RunSMART(sce), "main (rna)", fixed = TRUE)
  expect_named(seen$modalities, c("rna", "protein"))
})

test_that("columns of colData that hold no numbers or words do not disturb", {
  local_fake_core()
  sce <- small()
  sce$nested <- S4Vectors::DataFrame(x = rep(0, 25), y = rep(0, 25))
  sce$many <- I(rep(list(1:2), 25))
  expect_silent(run(sce))
})

test_that("section.by names a column", {
  seen <- local_fake_core()
  sce <- small(n.sections = 2)
  run(sce)
  expect_null(seen$sections)
  run(sce, section.by = "section")
  expect_equal(unname(seen$sections), sce$section)
})

test_that("the object is untouched when the core fails", {
  local_fake_core()
  local_stand_ins(run_core = function(...) stop("out of memory"))
  sce <- before <- small()
  expect_error(sce <- run(sce), "out of memory")
  expect_identical(sce, before)
})

test_that("FindSMARTClusters clusters a reducedDim", {
  local_fake_core()
  sce <- run(small())
  found <- FindSMARTClusters(sce, 4, cluster.name = "four", verbose = FALSE)
  expect_equal(levels(found$four), c("0", "1", "2", "3"))
  expect_snapshot({
    error_message(FindSMARTClusters(small(), 4))
    error_message(FindSMARTClusters(sce, 0))
  })
})

test_that("SpatialExperiment brings coordinates and sections", {
  skip_if_not_installed("SpatialExperiment")
  seen <- local_fake_core()
  spe <- SimulateSMART(n.rows = 4, n.cols = 4, n.sections = 2, class = "SpatialExperiment")
  expect_message(result <- RunSMART(spe, n.clusters = 2), "spatialCoords")
  expect_s4_class(result, "SpatialExperiment")
  expect_equal(unname(seen$coords), unname(SpatialExperiment::spatialCoords(spe)))
  expect_equal(unname(seen$sections), spe$sample_id)
  expect_true("SMART" %in% SingleCellExperiment::reducedDimNames(result))
  # Barcodes of two slides are the same.
  colnames(spe) <- rep(paste0("bar", 1:16), 2)
  result <- run(spe, n.clusters = 2)
  expect_equal(unname(seen$sections), spe$sample_id)
  expect_equal(colnames(result), colnames(spe))
})
