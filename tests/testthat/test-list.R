skip_if_not_installed("Seurat")

small <- function(seed = 1, ...) SimulateSMART(n.rows = 4, n.cols = 4, seed.use = seed, ...)
run <- function(object, ...) RunSMART(object, ..., verbose = FALSE)

test_that("each object is a section, and gets its own cells back", {
  seen <- local_fake_core()
  # The cells go by the same names in both.
  objects <- list(left = small(1), right = small(2))
  expect_equal(colnames(objects$left), colnames(objects$right))
  result <- run(objects, n.clusters = 5)
  expect_named(result, c("left", "right"))
  expect_equal(table(seen$sections), table(rep(c("left", "right"), each = 16)), ignore_attr = TRUE)
  expect_equal(names(seen$sections), rownames(seen$coords))
  counts <- seen$modalities$rna$counts
  expect_named(counts, c("left", "right"))
  for (section in names(counts)) {
    expect_length(counts[[section]], 1)
    expect_equal(bare(counts[[section]][[1]]), bare(get_counts(objects[[section]], "Spatial")))
  }
  cells <- input_cells(seen$modalities$rna)
  expect_identical(cells, rownames(seen$coords))
  expect_identical(anyDuplicated(cells), 0L)

  # The third dimension of the stand-in counts cells.
  for (i in 1:2) {
    embedding <- SeuratObject::Embeddings(result[[i]], "smart")
    expect_equal(rownames(embedding), colnames(objects[[i]]))
    expect_equal(unname(embedding[, 3]), 16 * (i - 1) + 1:16)
    expect_equal(
      as.character(result[[i]]$smart_clusters), as.character((16 * (i - 1) + 0:15) %% 5)
    )
    misc <- SeuratObject::Misc(result[[i]][["smart"]])
    expect_equal(unname(result[[i]]$smart.contribution.rna), rep(0.5, 16))
    expect_equal(misc$sections, c(left = 16L, right = 16L))
    expect_equal(misc$modalities$n.cells, c(32L, 32L))
    expect_equal(SeuratObject::Command(result[[i]]), "RunSMART")
  }
})

test_that("an object of two images is two sections", {
  seen <- local_fake_core()
  run(list(a = small(n.sections = 2), b = small()))
  expect_equal(unique(unname(seen$sections)), c("a:slice1", "a:slice2", "b"))
})

test_that("features go to the core as each section has them", {
  seen <- local_fake_core()
  objects <- list(small(1), small(2))
  keep <- list(c(paste0("Gene", 50:1), paste0("Protein", 1:20)), paste0("Gene", 40:90))
  objects <- suppressWarnings(Map(function(x, these) subset(x, features = these), objects, keep))
  run(objects, assays = "Spatial")
  counts <- seen$modalities$rna$counts
  expect_named(counts, c("1", "2"))
  for (i in 1:2) {
    expect_setequal(rownames(counts[[i]][[1]]), grep("Gene", keep[[i]], value = TRUE))
    expect_equal(bare(counts[[i]][[1]]), bare(get_counts(objects[[i]], "Spatial")))
  }
})

test_that("a modality may be missing from a section", {
  seen <- local_fake_core()
  objects <- list(a = small(1), b = small(2))
  objects$b[["ADT"]] <- NULL
  run(objects, assays = c("Spatial", "ADT"))
  expect_named(seen$modalities$rna$counts, c("a", "b"))
  expect_equal(dim(seen$modalities$protein$counts), c(20, 16))
  expect_equal(nrow(seen$coords), 32)
  expect_message(RunSMART(objects), "16 of 32 cells have no protein")
})

test_that("coordinates and reductions are given section by section", {
  seen <- local_fake_core()
  objects <- list(a = small(1), b = small(2))
  xy <- lapply(1:2, function(i) matrix(i * 1:32, 16, dimnames = list(colnames(objects[[1]]), NULL)))
  run(objects, coords = xy)
  expect_equal(unname(seen$coords), rbind(unname(xy[[1]]), unname(xy[[2]])))
  run(objects, coords = list(b = xy[[1]], a = xy[[2]]))
  expect_equal(unname(seen$coords), rbind(unname(xy[[2]]), unname(xy[[1]])))
  for (i in 1:2) {
    x <- matrix(i * 1:48, 16, dimnames = list(colnames(objects[[i]]), paste0("PC_", 1:3)))
    objects[[i]][["pca"]] <- SeuratObject::CreateDimReducObject(x, assay = "Spatial", key = "PC_")
  }
  run(objects, reduction = "pca")
  expect_equal(unname(seen$modalities$rna$pcs), rbind(matrix(1:48, 16), 2 * matrix(1:48, 16)))
})

test_that("a list of one object is one section", {
  seen <- local_fake_core()
  result <- run(list(small()))
  expect_null(seen$sections)
  expect_s4_class(result[[1]], "Seurat")
})

test_that("SingleCellExperiments come as a list, too", {
  skip_if_not_installed("SingleCellExperiment")
  seen <- local_fake_core()
  sces <- lapply(1:2, small, class = "SingleCellExperiment")
  result <- run(sces, n.clusters = 3)
  expect_equal(unique(unname(seen$sections)), c("1", "2"))
  for (i in 1:2) {
    embedding <- SingleCellExperiment::reducedDim(result[[i]], "SMART")
    expect_equal(unname(embedding[, 3]), 16 * (i - 1) + 1:16)
    expect_equal(levels(result[[i]]$smart_clusters), c("0", "1", "2"))
  }
})

test_that("lists that cannot be embedded together are errors", {
  local_fake_core()
  objects <- list(a = small(1), b = small(2))
  taken <- objects
  taken$b[["smart"]] <- SeuratObject::CreateDimReducObject(
    matrix(1:32, 16, dimnames = list(colnames(taken$b), paste0("X_", 1:2))),
    assay = "Spatial", key = "X_"
  )
  lost <- objects
  lost$b[["slice1"]] <- NULL
  expect_snapshot({
    error_message(run(c(objects, list(c = 1))))
    error_message(run(stats::setNames(objects, c("a", "a"))))
    error_message(run(lost))
    error_message(run(objects, assays = "RNA"))
    error_message(run(objects, coords = matrix(1:4, 2)))
    error_message(run(objects, coords = list(a = 1, c = 2)))
    error_message(run(taken))
    error_message(run(objects, n.clusters = 33))
  })
})
