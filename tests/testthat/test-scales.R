fake_scales <- function(scales = data.frame(
                          modality = rep(c("rna", "my_protein"), each = 3), reach = rep(0:2, 2),
                          error = c(2, 0.4, 0.6, 0.5, 0.7, 0.9)
                        )) {
  structure(list(tool = "SpatialSMART", scales = scales), class = "SMARTResult")
}

test_that("errors are drawn by width, the least one with a dot", {
  skip_if_not_installed("ggplot2")
  result <- fake_scales()
  plot <- SMARTScalePlot(result)
  lines <- ggplot2::layer_data(plot, 1)
  dots <- ggplot2::layer_data(plot, 2)
  for (i in 1:2) {
    name <- c("rna", "my_protein")[i]
    own <- result$scales[result$scales$modality == name, ]
    expect_equal(lines$x[lines$group == i], own$reach)
    expect_equal(lines$y[lines$group == i], own$error)
    expect_equal(dots$y[dots$group == i], min(own$error))
    expect_equal(dots$x[dots$group == i], own$reach[own$error == min(own$error)])
    expect_identical(unique(lines$colour[lines$group == i]), dots$colour[dots$group == i])
  }
  expect_identical(levels(plot$data$modality), c("rna", "my_protein"))
  expect_match(plot$labels$x, "neighbour distances")
})

test_that("a result without scales is refused, and said why", {
  skip_if_not_installed("ggplot2")
  result <- fake_scales()
  expect_snapshot({
    error_message(SMARTScalePlot(fake_scales(result$scales[0, ])))
    error_message(SMARTScalePlot(fake_scales(NULL)))
    error_message(SMARTScalePlot(1))
  })
})

test_that("scales and directions are kept as data frames, and drawn from the object", {
  skip_if_not_installed("Seurat")
  skip_without_core()
  object <- SimulateSMART(n.rows = 12, n.cols = 12)
  said <- testthat::capture_messages(result <- RunSMART(object, n.comps = 10, epochs = 2))
  said <- gsub("\\s+", " ", said)
  for (name in c("rna", "protein")) {
    line <- paste0(name, ": .* averaged over a radius of about [0-9.]+ neighbour distances")
    expect_length(grep(line, said), 1)
  }
  misc <- SeuratObject::Misc(result[["smart"]])
  expect_named(misc$scales, c("modality", "reach", "error"))
  expect_identical(unique(misc$scales$modality), c("rna", "protein"))
  expect_identical(misc$scales$reach[1], 0)
  expect_identical(nrow(misc$directions), 20L)
  expect_named(misc$directions, c(
    "modality", "autocorrelation", "threshold", "weight", "noise", "nugget", "explained", "reach"
  ))
  expect_true(all(vapply(misc$directions[-1], is.numeric, NA)))
  # They hold nothing of Python, which would not outlive the session.
  expect_identical(unserialize(serialize(misc$scales, NULL)), misc$scales)
  expect_null(attr(misc$scales, "pandas.index"))
  expect_identical(misc$params$regions, 1)
  skip_if_not_installed("ggplot2")
  expect_equal(
    SMARTScalePlot(result)$data,
    transform(misc$scales, modality = factor(modality, c("rna", "protein")))
  )
  expect_equal(SMARTScalePlot(result, reduction = "smart")$data, SMARTScalePlot(result)$data)
})

test_that("the tables are those of Python", {
  skip_without_core()
  data <- quarters()
  here <- RunSMART(data["rna"], data$coords, epochs = 2, verbose = FALSE)
  there <- reticulate::py_run_string("
def tables(x, coords):
    import anndata as ad
    import smartcore as sm
    adata = ad.AnnData(x.T.tocsr(), obsm={'spatial': coords})
    sm.pp.rna(adata, seed=42)
    sm.tl.smart(adata, seed=42, epochs=2, progress=False)
    return {
        name: adata.uns['smart'][name].to_dict('list') for name in ('directions', 'scales')
    }
", local = TRUE, convert = FALSE)$tables(data$rna, unname(data$coords))
  there <- reticulate::py_to_r(there)
  for (name in c("directions", "scales")) {
    expect_identical(as.list(here[[name]]), there[[name]])
  }
})

test_that("regions are asked for, and bad ones are refused in words", {
  skip_without_core()
  data <- quarters()
  run <- function(..., epochs = 2) {
    RunSMART(data$rna, data$coords, "rna", epochs = epochs, ...)
  }
  said <- testthat::capture_messages(kinds <- run(regions = 0))
  expect_match(gsub("\\s+", " ", said), "averaged with their surroundings .regions = 0.", all = FALSE)
  expect_identical(kinds$params$regions, 0)
  expect_identical(dim(kinds$scales), c(0L, 3L))
  expect_identical(kinds$scales$modality, character())
  expect_identical(dim(kinds$directions), c(0L, 8L))
  expect_snapshot({
    error_message(run(regions = 2, verbose = FALSE))
    error_message(run(regions = "all", verbose = FALSE))
    error_message(run(regions = 0.5, preset = "paper", verbose = FALSE))
  })
})

# The oracle is Seurat's own way to clusters, from the columns that hold most of the variance.
test_that("Seurat's neighbours on ten dimensions find the domains", {
  skip_if_not_installed("Seurat")
  skip_if_not_installed("mclust")
  skip_without_core()
  object <- RunSMART(SimulateSMART(), assays = c("Spatial", "ADT"), verbose = FALSE)
  variance <- SeuratObject::Stdev(object[["smart"]])^2
  # There are fewer features than dimensions: the last ones hold rounding alone.
  expect_true(all(diff(variance) < 1e-6 * variance[1]))
  object <- Seurat::FindNeighbors(object, reduction = "smart", dims = 1:10, verbose = FALSE)
  found <- lapply(c(0.05, 0.1, 0.2, 0.3, 0.4, 0.6), function(resolution) {
    Seurat::Idents(Seurat::FindClusters(object, resolution = resolution, verbose = FALSE))
  })
  right <- Filter(function(clusters) nlevels(clusters) == nlevels(object$domain), found)
  expect_gt(length(right), 0)
  for (clusters in right) {
    expect_gt(mclust::adjustedRandIndex(clusters, object$domain), 0.9)
  }
})
