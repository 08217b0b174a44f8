test_that("losses are drawn as they are", {
  skip_if_not_installed("ggplot2")
  result <- fake_result()
  plot <- SMARTLossPlot(result)
  data <- plot$data
  expect_identical(levels(data$of), c("all", "rna", "my_protein"))
  shown <- function(kind, of) data$loss[data$kind == kind & data$of == of]
  expect_identical(shown("total", "all"), result$history$total)
  expect_identical(shown("reconstruction", "my_protein"), result$history$reconstruction_my_protein)
  expect_identical(shown("triplet", "rna"), result$history$triplet_rna)
  expect_identical(nrow(ggplot2::layer_data(plot)), 21L)
  expect_identical(nrow(ggplot2::layer_data(SMARTLossPlot(result, log.scale = TRUE))), 17L)
})

test_that("records are found in objects", {
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("Seurat")
  result <- fake_result()
  counts <- matrix(1, 2, 6, dimnames = list(c("g1", "g2"), rownames(result$embedding)))
  object <- SeuratObject::CreateSeuratObject(methods::as(counts, "CsparseMatrix"))
  embedding <- result$embedding
  colnames(embedding) <- c("SMART_1", "SMART_2")
  object[["smart"]] <- SeuratObject::CreateDimReducObject(
    embeddings = embedding, key = "SMART_", assay = "RNA", misc = unclass(result)
  )
  object$smart_clusters <- result$clusters
  expect_equal(SMARTLossPlot(object)$data, SMARTLossPlot(result)$data)
  expect_snapshot(error = TRUE, {
    SMARTLossPlot(object, "pca")
    SMARTContributionPlot(object)
  })

  skip_if_not_installed("SingleCellExperiment")
  sce <- SingleCellExperiment::SingleCellExperiment(
    list(counts = counts),
    reducedDims = list(SMART = embedding), metadata = list(SMART = unclass(result))
  )
  expect_equal(SMARTLossPlot(sce)$data, SMARTLossPlot(result)$data)
})

test_that("other objects are refused", {
  skip_if_not_installed("ggplot2")
  expect_snapshot(error = TRUE, {
    SMARTLossPlot(1)
    SMARTContributionPlot(fake_result(), "domain")
  })
})

test_that("what was not trained has no losses, and says so", {
  skip_if_not_installed("ggplot2")
  result <- fake_result()
  result$history <- result$history[0, ]
  expect_error(SMARTLossPlot(result), "nothing was trained")
  expect_output(print(result), "Weights in closed form, not trained")
})
