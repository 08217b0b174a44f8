# Some versions of Matrix say something when unname() does it.
nameless <- function(x) {
  dimnames(x) <- list(NULL, NULL)
  x
}

test_that("matrices of any class give the same", {
  skip_without_core()
  data <- quarters()
  run <- function(x, ...) {
    RunSMART(list(rna = x), data$coords, epochs = 2, verbose = FALSE, ...)$embedding
  }
  expected <- run(data$rna)
  dense <- as.matrix(data$rna)
  expect_identical(run(dense), expected)
  storage.mode(dense) <- "integer"
  expect_identical(run(dense), expected)
  expect_identical(run(methods::as(data$rna, "TsparseMatrix")), expected)
  expect_identical(run(methods::as(data$rna, "RsparseMatrix")), expected)
})

test_that("the result has the cells of the coordinates, whatever the order of the counts", {
  skip_without_core()
  data <- quarters()
  backwards <- rev(rownames(data$coords))
  run <- function(...) RunSMART(..., epochs = 2, verbose = FALSE)
  one <- run(list(rna = data$rna, protein = data$protein), data$coords)
  two <- run(list(rna = data$rna[, backwards], protein = data$protein), data$coords)
  expect_identical(rownames(one$embedding), rownames(data$coords))
  expect_identical(rownames(two$embedding), rownames(data$coords))
  expect_equal(two$embedding, one$embedding, tolerance = 1e-3)
  # Places of cells without counts do no harm.
  more <- rbind(data$coords, elsewhere = c(99, 99))
  expect_identical(run(list(rna = data$rna), more)$embedding, run(list(rna = data$rna), data$coords)$embedding)
})

test_that("a data frame of coordinates, and names taken from the coordinates, will do", {
  skip_without_core()
  data <- quarters()
  run <- function(x, coords) RunSMART(list(rna = x), coords, epochs = 2, verbose = FALSE)$embedding
  expected <- run(data$rna, data$coords)
  expect_identical(run(data$rna, as.data.frame(data$coords)), expected)
  bare <- nameless(data$rna)
  expect_identical(run(bare, data$coords), expected)
  expect_identical(unname(run(bare, unname(data$coords))), unname(expected))
})

test_that("components of one's own are used as they are", {
  skip_without_core()
  data <- quarters()
  pcs <- stats::prcomp(as.matrix(Matrix::t(data$protein)))$x[, 1:4]
  result <- RunSMART(
    list(rna = data$rna, mine = pcs), data$coords, c(mine = "pcs"),
    epochs = 2, verbose = FALSE
  )
  expect_identical(result$modalities$kind, c("rna", NA))
  expect_identical(result$modalities$n.features, c(60L, 4L))
  sm <- reticulate::import("smartcore")
  there <- sm$integrate(list(mine = unname(pcs)), unname(data$coords), seed = 42L, epochs = 2L)
  alone <- RunSMART(list(mine = pcs), data$coords, "pcs", epochs = 2, verbose = FALSE)
  expect_identical(unname(alone$embedding), there$embedding)
})

test_that("one matrix is one modality, and tells what it is by its features", {
  skip_without_core()
  data <- quarters(n.rna = 450)
  result <- RunSMART(data$rna, data$coords, epochs = 2, verbose = FALSE)
  expect_identical(result$modalities$modality, "rna")
  expect_null(result$clusters)
})

test_that("domains that are there are found", {
  skip_without_core()
  skip_if_not_installed("mclust")
  data <- quarters()
  result <- RunSMART(data[c("rna", "protein")], data$coords, n.clusters = 4, epochs = 60, verbose = FALSE)
  expect_named(result$clusters, rownames(data$coords))
  expect_gt(mclust::adjustedRandIndex(result$clusters, data$quarter), 0.8)
})

test_that("a result prints in a few lines", {
  result <- structure(list(
    embedding = matrix(0, 3, 2),
    clusters = factor(c("0", "0", "1")),
    versions = list(smartcore = "0.1.0"),
    history = data.frame(epoch = 1:2, total = c(2, 1.23456)),
    modalities = data.frame(modality = "rna", n.features = 9L, n.cells = 3L),
    sections = c(a = 2L, b = 1L)
  ), class = "SMARTResult")
  expect_snapshot(print(result))
})

test_that("bad input is refused by name", {
  data <- quarters()
  rna <- data$rna
  logged <- rna
  logged@x <- log1p(logged@x)
  other <- rna
  colnames(other) <- paste0("spot", seq_len(ncol(other)))
  expect_snapshot(error = TRUE, {
    RunSMART("rna.h5ad")
    RunSMART(list())
    RunSMART(list(rna = "file"), data$coords)
    RunSMART(list(rna, data$protein), data$coords)
    RunSMART(list(rna = rna))
    RunSMART(list(thing = rna), data$coords)
    RunSMART(list(rna = rna), data$coords, "dna")
    RunSMART(list(rna = rna), data$coords, c(rna = "rna", adt = "pcs"))
    RunSMART(list(rna = rna), data$coords[, 1, drop = FALSE])
    RunSMART(list(rna = rna), data$coords[-(1:3), ])
    RunSMART(list(rna = rna), unname(data$coords)[-1, ])
    RunSMART(list(rna = nameless(rna)), data$coords[-1, ])
    RunSMART(list(rna = logged), data$coords)
    RunSMART(list(rna = -rna), data$coords)
    RunSMART(list(rna = other), data$coords)
    RunSMART(list(rna = rna, protein = other), data$coords, c("rna", "protein"))
    RunSMART(list(rna = rna), data$coords, section.by = c("a", "b"))
    RunSMART(list(rna = rna), data$coords, n.clusters = 1000)
    RunSMART(list(rna = rna), data$coords, cluster.method = "som")
    RunSMART(list(rna = rna), data$coords, features = c("x", "y"))
  })
})
