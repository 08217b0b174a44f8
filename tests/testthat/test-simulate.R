test_that("a Seurat object with an image of Visium's class is simulated", {
  skip_if_not_installed("Seurat")
  object <- SimulateSMART(n.rows = 6, n.cols = 5, n.genes = 30, n.proteins = 8)
  expect_s4_class(object, "Seurat")
  expect_equal(SeuratObject::Assays(object), c("Spatial", "ADT"))
  expect_equal(c(nrow(object[["Spatial"]]), nrow(object[["ADT"]])), c(30, 8))
  expect_equal(SeuratObject::Images(object), "slice1")
  places <- SeuratObject::GetTissueCoordinates(object[["slice1"]])
  expect_setequal(rownames(places), colnames(object))
  expect_equal(levels(object$domain), c("core", "rim", "left", "right"))
  expect_true(all(table(object$domain) > 0))
  expect_s3_class(Seurat::SpatialDimPlot(object, group.by = "domain"), "ggplot")
  expect_s3_class(Seurat::SpatialFeaturePlot(object, "nCount_ADT"), "ggplot")
})

test_that("the same seed gives the same counts in every class, another seed others", {
  skip_if_not_installed("Seurat")
  skip_if_not_installed("SingleCellExperiment")
  object <- SimulateSMART(n.rows = 5, n.cols = 5)
  counts <- get_counts(object, "Spatial")
  expect_identical(get_counts(SimulateSMART(n.rows = 5, n.cols = 5), "Spatial"), counts)
  expect_false(identical(
    get_counts(SimulateSMART(n.rows = 5, n.cols = 5, seed.use = 1), "Spatial"), counts
  ))
  sce <- SimulateSMART(n.rows = 5, n.cols = 5, class = "SingleCellExperiment")
  expect_equal(bare(SummarizedExperiment::assay(sce)), bare(counts))
  expect_equal(sce$domain, unname(object$domain))
  adt <- SummarizedExperiment::assay(SingleCellExperiment::altExp(sce, "ADT"))
  expect_equal(bare(adt), bare(get_counts(object, "ADT")))
})

test_that("domains differ as is said", {
  skip_if_not_installed("SingleCellExperiment")
  sce <- SimulateSMART(class = "SingleCellExperiment")
  rna <- as.matrix(SummarizedExperiment::assay(sce))
  protein <- as.matrix(SummarizedExperiment::assay(SingleCellExperiment::altExp(sce, "ADT")))
  share <- function(counts, rows) {
    tapply(colSums(counts[rows, ]) / colSums(counts), sce$domain, mean)
  }
  inner <- share(rna, 1:20)
  expect_gt(min(inner[c("core", "rim")]), 1.5 * max(inner[c("left", "right")]))
  odd <- share(protein, 1:5)
  expect_gt(min(odd[c("core", "left")]), 1.3 * max(odd[c("rim", "right")]))
})

test_that("sections have sizes of their own, and a batch effect alike for all of their spots", {
  skip_if_not_installed("SingleCellExperiment")
  simulate <- function(batch.effect) {
    SimulateSMART(
      n.rows = c(20, 8), n.cols = c(20, 10), n.sections = 2, batch.effect = batch.effect,
      class = "SingleCellExperiment"
    )
  }
  with <- simulate(0.7)
  without <- simulate(0)
  expect_equal(c(table(with$section)), c(slice1 = 400, slice2 = 80))
  expect_identical(with$domain, without$domain)
  # Of what genes have in one section to what they have in the other.
  spread <- function(sce, domain) {
    part <- function(section) {
      these <- sce$section == section & sce$domain == domain
      Matrix::rowSums(SummarizedExperiment::assay(sce)[, these])
    }
    stats::sd(log(part("slice1") + 1) - log(part("slice2") + 1))
  }
  for (domain in c("core", "right")) {
    expect_gt(spread(with, domain), 0.7)
    expect_lt(spread(without, domain), 0.5)
  }
  skip_if_not_installed("Seurat")
  object <- SimulateSMART(c(6, 5), c(5, 7), n.sections = 2, batch.effect = 1)
  expect_equal(SeuratObject::Images(object), c("slice1", "slice2"))
  expect_equal(ncol(object), 65)
})

test_that("sizes that make no section are refused", {
  expect_snapshot({
    error_message(SimulateSMART(n.rows = 2))
    error_message(SimulateSMART(n.genes = 20.5))
    error_message(SimulateSMART(n.sections = 0))
    error_message(SimulateSMART(n.rows = c(5, 6, 7), n.sections = 2))
    error_message(SimulateSMART(n.genes = c(50, 60), n.sections = 2))
    error_message(SimulateSMART(batch.effect = -1))
  })
  expect_error(SimulateSMART(class = "matrix"), "class")
})
