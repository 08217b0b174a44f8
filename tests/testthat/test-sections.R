# Several sections as one; that they are what the core gives is tested in test-core-equal.R.

run <- function(object, ..., epochs = 5) RunSMART(object, ..., epochs = epochs, verbose = FALSE)
embedding_of <- function(object) unname(SeuratObject::Embeddings(object, "smart"))

test_that("sections mix, domains stay, and clusters have the same levels in all objects", {
  skip_without_core()
  skip_if_not_installed("Seurat")
  object <- SimulateSMART(
    n.rows = c(16, 12), n.cols = c(16, 12), n.sections = 2, batch.effect = 0.7
  )
  objects <- lapply(c(slice1 = "slice1", slice2 = "slice2"), function(section) {
    suppressWarnings(subset(object, cells = colnames(object)[object$section == section]))
  })
  result <- run(objects, n.clusters = 4, cluster.method = "gmm", epochs = 100)
  for (one in result) {
    expect_equal(levels(one$smart_clusters), as.character(0:3))
    # Of each domain, most are in one cluster, the same in both sections.
    expect_gt(mean(apply(table(one$domain, one$smart_clusters), 1, max) / table(one$domain)), 0.8)
  }
  most <- lapply(result, function(one) apply(table(one$domain, one$smart_clusters), 1, which.max))
  expect_identical(most[[1]], most[[2]])
  neighbours_of_own <- function(result) {
    z <- do.call(rbind, lapply(result, embedding_of))
    section <- rep(1:2, lengths(lapply(result, colnames)))
    near <- t(apply(as.matrix(stats::dist(z)), 1, order))[, 2:16]
    mean(matrix(section[near], nrow(near)) == section)
  }
  apart <- run(
    objects,
    align.sections = FALSE, harmony.rounds = 0, section.triplets = "within", epochs = 100
  )
  expect_gt(neighbours_of_own(apart), 0.9)
  expect_lt(neighbours_of_own(result), 0.7)
})

test_that("a section of one cell is embedded with the others", {
  skip_without_core()
  skip_if_not_installed("Seurat")
  data <- two_sections()
  for (name in c("rna", "protein", "chromatin")) {
    data$right[[name]] <- data$right[[name]][, 1, drop = FALSE]
  }
  data$right$coords <- data$right$coords[1, , drop = FALSE]
  objects <- lapply(data, section_seurat)
  expect_warning(
    expect_warning(
      result <- run(objects, n.clusters = 2, cluster.method = "gmm"), "no spatial neighbour"
    ),
    "too few spots"
  )
  there <- python_sections(data, seed = 42, epochs = 5)
  expect_identical(embedding_of(result$left), there$left)
  expect_identical(embedding_of(result$right), matrix(there$right, 1))
  expect_false(anyNA(result$right$smart_clusters))
})

test_that("how many features are shared is said", {
  skip_without_core()
  skip_if_not_installed("Seurat")
  objects <- lapply(two_sections(), section_seurat)
  said <- character()
  withCallingHandlers(
    RunSMART(objects, epochs = 2),
    message = function(m) {
      said <<- c(said, conditionMessage(m))
      invokeRestart("muffleMessage")
    }
  )
  said <- gsub("[[:space:]]+", " ", paste(said, collapse = " "))
  expect_match(said, "RNA \\(rna\\): The 2 sections share 55 features by name .\"left\": 60, \"right\": 65.")
  expect_match(said, "ATAC \\(chromatin\\): The 2 sections share 55 peaks by overlap")
  expect_match(said, "Sections: \"left\" and \"right\"")
})

test_that("sections that cannot be matched are errors, the objects untouched", {
  skip_without_core()
  skip_if_not_installed("Seurat")
  data <- two_sections()
  objects <- function(data, assays = c("rna", "coords")) {
    lapply(data, function(one) section_seurat(one[assays]))
  }
  renamed <- function(name, change) {
    rownames(data$right[[name]]) <- change(rownames(data$right[[name]]))
    data
  }
  expect_snapshot({
    error_message(run(objects(renamed("rna", toupper))))
    error_message(run(objects(renamed("rna", function(x) sprintf("ENSG%011d", seq_along(x))))))
    error_message(run(objects(renamed("rna", function(x) paste0("other", seq_along(x))))))
    error_message(run(objects(
      renamed("chromatin", function(x) sub("chr", "", x)), c("chromatin", "coords")
    )))
    error_message(run(objects(data), harmony.rounds = -1))
    error_message(run(list(objects(data)$left, objects(data, c("protein", "coords"))$right)))
  })
})

test_that("features that share a name are refused in sections, and used in one", {
  skip_without_core()
  skip_if_not_installed("SingleCellExperiment")
  data <- two_sections()
  rownames(data$right$rna)[3] <- rownames(data$right$rna)[2]
  sces <- lapply(data, function(one) {
    sce <- SingleCellExperiment::SingleCellExperiment(list(counts = one$rna))
    sce$x <- one$coords[, "x"]
    sce$y <- one$coords[, "y"]
    sce
  })
  expect_snapshot(error_message(run(sces)))
  alone <- run(sces$right)
  expect_identical(S4Vectors::metadata(alone)$SMART$modalities$n.features, 65L)
})
