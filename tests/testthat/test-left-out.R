quick <- function(object, ...) {
  RunSMART(object, epochs = 3, latent.dim = 8, verbose = FALSE, ...)
}

test_that("an embedding is not lost where its clusters fail", {
  skip_without_core()
  result <- NULL
  object <- SimulateSMART(n.rows = 8, n.cols = 8)
  local({
    local_stand_ins(cluster_core = function(...) stop("leiden finds no partition"))
    expect_warning(
      result <<- quick(object, n.clusters = 3),
      "The embedding is there, but no clusters: leiden finds no partition"
    )
  })
  expect_equal(dim(result[["smart"]]), c(64, 8))
  expect_false("smart_clusters" %in% colnames(result[[]]))
  expect_equal(SeuratObject::Idents(result), SeuratObject::Idents(object))
  alone <- quick(object)
  expect_identical(
    SeuratObject::Embeddings(result, "smart"), SeuratObject::Embeddings(alone, "smart")
  )
})

test_that("cells marked as outside the tissue are left out and said", {
  skip_without_core()
  object <- SimulateSMART(n.rows = 8, n.cols = 8)
  object$in_tissue <- as.integer(seq_len(64) > 10)
  if (!seurat_5()) {
    expect_error(quick(object), "10 of 64 cells are marked as outside.*in_tissue == 1")
  } else {
    expect_message(result <- quick(object), "10 of 64 cells are marked as outside the tissue")
    expect_equal(rownames(result[["smart"]]), colnames(object)[11:64])
  }
  whole <- quick(object, in.tissue = FALSE)
  expect_equal(nrow(whole[["smart"]]), 64)
  expect_error(quick(object, in.tissue = NA), "in.tissue. must be TRUE or FALSE")
  object$in_tissue <- rep(c("yes", "no"), 32)
  expect_error(quick(object), "must hold 1 for cells in the tissue and 0 for others, not .yes")
})

test_that("marks of an image are seen, and the advice for Seurat 4 does what it says", {
  skip_without_core()
  object <- SimulateSMART(n.rows = 8, n.cols = 8)
  skip_if_not(inherits(object[["slice1"]], "VisiumV1"))
  outside <- colnames(object)[1:5]
  object@images$slice1@coordinates[outside, "tissue"] <- 0L
  if (seurat_5()) {
    expect_message(result <- quick(object), "5 of 64 cells are marked as outside the tissue")
    expect_equal(rownames(result[["smart"]]), colnames(object)[6:64])
  } else {
    said <- conditionMessage(expect_error(quick(object), "5 of 64 cells are marked as outside"))
    code <- regmatches(said, regexpr("object <- subset\\(.*\\)(?=`, or use)", said, perl = TRUE))
    eval(parse(text = gsub("\n", " ", code)))
    expect_false(any(outside %in% colnames(object)))
    expect_equal(ncol(object), 59)
  }
})

test_that("cells outside the tissue of a SingleCellExperiment have no values", {
  skip_if_not_installed("SingleCellExperiment")
  skip_without_core()
  data <- SimulateSMART(n.rows = 8, n.cols = 8)
  counts <- SeuratObject::GetAssayData(data, "counts", assay = "ADT")
  at <- SeuratObject::GetTissueCoordinates(data)[colnames(data), 1:2]
  sce <- SingleCellExperiment::SingleCellExperiment(
    list(counts = counts),
    colData = S4Vectors::DataFrame(in_tissue = seq_len(64) > 10)
  )
  expect_message(
    result <- quick(sce, coords = as.matrix(at), modalities = "protein", n.clusters = 2),
    "10 of 64 cells"
  )
  expect_equal(is.na(SingleCellExperiment::reducedDim(result, "SMART")[, 1]), !sce$in_tissue,
    ignore_attr = TRUE
  )
  expect_equal(is.na(result$smart_clusters), !sce$in_tissue)
  again <- FindSMARTClusters(result, 3, verbose = FALSE)
  expect_equal(is.na(again$smart_clusters), !sce$in_tissue)
})

test_that("isotype controls are left out and said", {
  skip_without_core()
  data <- SimulateSMART(n.rows = 8, n.cols = 8)
  counts <- as.matrix(SeuratObject::GetAssayData(data, "counts", assay = "ADT"))
  at <- as.matrix(SeuratObject::GetTissueCoordinates(data)[colnames(data), 1:2])
  rownames(counts)[2] <- "IgG1_isotype_ctrl"
  run <- function(counts, ...) {
    RunSMART(list(protein = counts), at, epochs = 3, latent.dim = 8, ...)
  }
  expect_message(found <- run(counts), "1 isotype controls are left out")
  without <- suppressMessages(run(counts[-2, ]))
  expect_identical(found$embedding, without$embedding)
  expect_false(identical(suppressMessages(run(counts, controls = TRUE))$embedding, found$embedding))
})
