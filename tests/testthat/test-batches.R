# Batches that are not sections: where `batch.by` finds them, and that the core gets them.

run <- function(object, ..., epochs = 5) RunSMART(object, ..., epochs = epochs, verbose = FALSE)
embedding_of <- function(object) unname(SeuratObject::Embeddings(object, "smart"))
small <- function(seed = 1, ...) SimulateSMART(n.rows = 4, n.cols = 4, seed.use = seed, ...)

# What the core is given ----

test_that("a column of a Seurat object holds the batches", {
  skip_if_not_installed("Seurat")
  seen <- local_fake_core()
  object <- small(n.sections = 2)
  object$run <- factor(rep(c("x", "y"), 16))
  result <- run(object, batch.by = "run")
  expect_identical(seen$batches, stats::setNames(as.character(object$run), colnames(object)))
  expect_equal(table(seen$sections), table(object$section), ignore_attr = TRUE)
  misc <- SeuratObject::Misc(result[["smart"]])
  expect_equal(misc$batches, c(x = 16L, y = 16L))
  expect_equal(misc$sections, c(slice1 = 16L, slice2 = 16L))
  run(object)
  expect_null(seen$batches)
  # That all sections are of one batch is something to know.
  object$run <- "x"
  run(object, batch.by = "run")
  expect_identical(unique(unname(seen$batches)), "x")
  expect_message(RunSMART(object, batch.by = "run"), "Batches: \"x\"")
})

test_that("a column of colData holds the batches", {
  skip_if_not_installed("SingleCellExperiment")
  seen <- local_fake_core()
  sce <- small(class = "SingleCellExperiment")
  sce$run <- rep(1:2, each = 8)
  result <- run(sce, batch.by = "run")
  expect_identical(seen$batches, stats::setNames(rep(c("1", "2"), each = 8), colnames(sce)))
  expect_null(seen$sections)
  expect_equal(S4Vectors::metadata(result)$SMART$batches, c("1" = 8L, "2" = 8L))
})

test_that("batches of matrices come in order or by name", {
  seen <- local_fake_core()
  counts <- small_counts()
  places <- as.matrix(small_places())
  batches <- rep(c("x", "y"), each = 6)
  result <- run(list(rna = counts), coords = places, batch.by = batches)
  expect_identical(seen$batches, stats::setNames(batches, rownames(places)))
  expect_equal(result$batches, c(x = 6L, y = 6L))
  expect_output(print(result), "Batches: x (6), y (6)", fixed = TRUE)
  named <- stats::setNames(factor(batches), rownames(places))
  run(list(rna = counts), coords = places, batch.by = rev(named))
  expect_identical(seen$batches, stats::setNames(batches, rownames(places)))
})

test_that("objects of a list have a column, or a value each, and share batches by name", {
  skip_if_not_installed("Seurat")
  seen <- local_fake_core()
  objects <- list(a = small(1), b = small(2), c = small(3))
  for (name in names(objects)) objects[[name]]$run <- if (name == "b") "y" else "x"
  expected <- stats::setNames(
    rep(c("x", "y", "x"), each = 16),
    unlist(lapply(names(objects), function(name) paste0(name, ":", colnames(objects[[name]]))))
  )
  result <- run(objects, batch.by = "run")
  expect_identical(seen$batches, expected)
  expect_equal(SeuratObject::Misc(result$b[["smart"]])$batches, c(x = 32L, y = 16L))
  run(objects, batch.by = c("x", "y", "x"))
  expect_identical(seen$batches, expected)
  run(objects, batch.by = factor(c(c = "x", b = "y", a = "x")))
  expect_identical(seen$batches, expected)
  run(objects["a"], batch.by = c(a = "x"))
  expect_identical(unique(unname(seen$batches)), "x")
  run(objects)
  expect_null(seen$batches)
  expect_message(RunSMART(objects, batch.by = "run"), "Batches: \"x\" and \"y\"")

  skip_if_not_installed("SingleCellExperiment")
  sces <- lapply(1:2, small, class = "SingleCellExperiment")
  run(sces, batch.by = 2:1)
  expect_equal(unname(seen$batches), rep(c("2", "1"), each = 16))
})

test_that("batches that do not do are errors", {
  skip_if_not_installed("Seurat")
  local_fake_core()
  object <- small()
  object$run <- rep(c("x", NA), c(14, 2))
  objects <- list(a = small(1), b = small(2))
  objects$a$run <- "x"
  places <- as.matrix(small_places())
  matrices <- list(rna = small_counts())
  expect_snapshot({
    error_message(run(object, batch.by = "lane"))
    error_message(run(object, batch.by = "run"))
    error_message(run(object, batch.by = c("run", "lane")))
    error_message(run(objects, batch.by = "run"))
    error_message(run(objects, batch.by = c("x", "y", "z")))
    error_message(run(objects, batch.by = c("x", NA)))
    error_message(run(objects, batch.by = c(a = "x", c = "y")))
    error_message(run(objects, batch.by = list("x", "y")))
    error_message(run(matrices, coords = places, batch.by = c("x", "y")))
    error_message(run(matrices, coords = places, batch.by = c(c1 = "x", c2 = "y")))
  })
})

# What the core makes of it ----

test_that("objects with batches give what the core gives, to the last bit", {
  skip_without_core()
  skip_if_not_installed("Seurat")
  data <- c(two_sections(1), two_sections(2))
  names(data) <- c("a", "b", "c", "d")
  batches <- list(a = "new", b = "old", c = "old", d = "new")
  there <- python_sections(data, seed = 7, epochs = 5, batches = batches)
  expect_false(isTRUE(all.equal(there, python_sections(data, seed = 7, epochs = 5))))
  objects <- lapply(data, section_seurat)
  here <- run(objects, seed.use = 7, batch.by = unlist(batches))
  for (section in names(data)) expect_identical(embedding_of(here[[section]]), there[[section]])
  for (section in names(data)) objects[[section]]$run <- batches[[section]]
  here <- run(objects, seed.use = 7, batch.by = "run")
  for (section in names(data)) expect_identical(embedding_of(here[[section]]), there[[section]])
})

test_that("so do one object and matrices, with sections and without", {
  skip_without_core()
  data <- quarters()
  n <- nrow(data$coords)
  batches <- ifelse(seq_len(n) %% 3 == 0, "new", "old")
  sections <- ifelse(data$coords[, "y"] > 6, "top", "bottom")
  python <- function(...) {
    python_smart(data, seed = 42, epochs = 5, rna = list(n_top_genes = 30L), ...)$embedding
  }
  matrices <- data[c("rna", "protein")]
  there <- python(batches = batches)
  expect_false(isTRUE(all.equal(there, python())))
  here <- run(matrices, coords = data$coords, batch.by = batches, n.features = c(rna = 30))
  expect_identical(unname(here$embedding), there)
  there <- python(sections = sections, batches = batches)
  here <- run(
    matrices,
    coords = data$coords, section.by = sections, batch.by = batches, n.features = c(rna = 30)
  )
  expect_identical(unname(here$embedding), there)

  skip_if_not_installed("SingleCellExperiment")
  sce <- SingleCellExperiment::SingleCellExperiment(
    list(counts = data$rna),
    altExps = list(protein = SingleCellExperiment::SingleCellExperiment(list(counts = data$protein)))
  )
  SingleCellExperiment::mainExpName(sce) <- "rna"
  sce$half <- sections
  sce$run <- batches
  sce <- run(
    sce,
    coords = data$coords, section.by = "half", batch.by = "run", n.features = c(rna = 30)
  )
  expect_identical(unname(SingleCellExperiment::reducedDim(sce, "SMART")), there)

  skip_if_not_installed("Seurat")
  object <- section_seurat(data[c("rna", "protein", "coords")])
  object$half <- unname(sections)
  object$run <- batches
  object <- run(object, section.by = "half", batch.by = "run", n.features = c(rna = 30))
  expect_identical(embedding_of(object), there)
})
