test_that("contributions are drawn by cluster, without cells that a modality lacks", {
  skip_if_not_installed("ggplot2")
  result <- fake_result()
  plot <- SMARTContributionPlot(result)
  boxes <- ggplot2::layer_data(plot)
  expect_identical(nrow(boxes), 4L)
  expect_identical(sort(boxes$middle), c(0.25, 0.3, 0.55, 0.55))
  expect_identical(nrow(plot$data), 11L)
  expect_identical(plot$labels$x, "Cluster")
  by_hand <- SMARTContributionPlot(result, group.by = rep(c("b", "a"), 3))
  expect_identical(levels(by_hand$data$group), c("a", "b"))
  result$clusters <- NULL
  expect_identical(nrow(ggplot2::layer_data(SMARTContributionPlot(result))), 2L)
})

# An object whose contributions differ from cell to cell.
with_contributions <- function(...) {
  local_fake_core(contributions = seq(0.02, 1, by = 0.02))
  RunSMART(SimulateSMART(n.rows = 5, n.cols = 5), n.clusters = 3, verbose = FALSE, ...)
}

# The same numbers from the columns themselves, cell by cell.
expect_drawn <- function(plot, object, groups) {
  columns <- c("smart.contribution.rna", "smart.contribution.protein")
  expect_equal(plot$data$correlation, unlist(object[[columns]], use.names = FALSE))
  expect_equal(levels(plot$data$modality), c("rna", "protein"))
  expect_equal(as.character(plot$data$group), rep(as.character(groups), 2))
}

test_that("contributions follow the cells of an object", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("Seurat")
  object <- with_contributions()
  expect_drawn(SMARTContributionPlot(object), object, object$smart_clusters)
  some <- subset(object, cells = colnames(object)[c(3, 9, 20)])
  expect_drawn(SMARTContributionPlot(some), some, some$smart_clusters)
  renamed <- SeuratObject::RenameCells(object, add.cell.id = "x")
  expect_drawn(SMARTContributionPlot(renamed), object, object$smart_clusters)
  # A column of the user's is not taken for clusters.
  object$clusters <- "mine"
  expect_drawn(SMARTContributionPlot(object), object, object$smart_clusters)
  SeuratObject::Idents(object) <- rep(c("b", "a"), c(5, 20))
  expect_drawn(SMARTContributionPlot(object, "ident"), object, SeuratObject::Idents(object))
  groups <- rep(c("p", "q"), c(5, 20))
  expect_drawn(SMARTContributionPlot(object, groups), object, groups)
  named <- stats::setNames(groups, colnames(object))
  expect_drawn(SMARTContributionPlot(object, rev(named)), object, groups)
  expect_error(
    SMARTContributionPlot(object, stats::setNames(groups, 1:25)), "are not those of the cells"
  )
  expect_s3_class(Seurat::VlnPlot(object, "smart.contribution.rna"), "ggplot")
  expect_s3_class(Seurat::SpatialFeaturePlot(object, "smart.contribution.protein"), "ggplot")
  expect_snapshot(error = TRUE, SMARTContributionPlot(object, "domains"))
})

test_that("clusters by another name group the cells", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("Seurat")
  object <- with_contributions(cluster.name = "niche")
  expect_drawn(SMARTContributionPlot(object), object, object$niche)
})

test_that("contributions are in the colData of a SingleCellExperiment", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("SingleCellExperiment")
  local_fake_core()
  sce <- SimulateSMART(n.rows = 5, n.cols = 5, class = "SingleCellExperiment")
  sce <- RunSMART(sce, n.clusters = 3, verbose = FALSE)
  expect_equal(sce$smart.contribution.rna, rep(0.5, 25))
  some <- sce[, 4:9]
  plot <- SMARTContributionPlot(some)
  expect_equal(nrow(plot$data), 12)
  expect_equal(as.character(plot$data$group), rep(as.character(some$smart_clusters), 2))
})

test_that("clusters of another embedding group nothing", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("Seurat")
  object <- with_contributions()
  local_fake_core()
  # The same reduction again, without clusters: those there are of the one before.
  expect_message(again <- RunSMART(object), "`smart_clusters` holds clusters of the embedding that")
  expect_identical(again$smart_clusters, object$smart_clusters)
  expect_equal(levels(SMARTContributionPlot(again)$data$group), "")
  # Another reduction takes the column.
  other <- RunSMART(
    object,
    n.clusters = 2, reduction.name = "r2", cluster.name = "smart_clusters", verbose = FALSE
  )
  expect_equal(levels(SMARTContributionPlot(other)$data$group), "")
  expect_equal(levels(SMARTContributionPlot(other, reduction = "r2")$data$group), c("0", "1"))
  expect_error(SMARTMemberships(other), "no clusters \"smart_clusters\" of this reduction")
})
