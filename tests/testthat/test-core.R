test_that("the result is that of the Python core, to the last bit", {
  skip_without_core()
  data <- quarters()
  here <- RunSMART(
    data[c("rna", "protein")], data$coords,
    epochs = 12, seed.use = 7, verbose = FALSE
  )
  there <- python_smart(data, seed = 7, epochs = 12)
  expect_identical(unname(here$embedding), there$embedding)
  expect_identical(rownames(here$embedding), rownames(data$coords))
  expect_identical(here$history$total, as.vector(there$history$total))
  expect_equal(here$history$epoch, 1:12)
  expect_identical(as.list(here$n.triplets), there$n_triplets)

  sm <- reticulate::import("smartcore")
  contributions <- sm$metrics$modality_correlation(
    there$embedding, there$features,
    n_reference = 1000L, seed = 7L
  )
  expect_equal(here$contributions, as.matrix(contributions), ignore_attr = "dimnames")
  expect_identical(colnames(here$contributions), c("rna", "protein"))
  expect_identical(here$versions$smartcore, as.character(sm$`__version__`))
  expect_identical(here$params$epochs, 12L)
  expect_identical(here$params$seed, 7L)
})

test_that("so it is with cells that a modality lacks, sections, chromatin and changed parameters", {
  skip_without_core()
  data <- quarters()
  names(data)[1] <- "chromatin"
  data$protein <- data$protein[, -(1:30)]
  sections <- ifelse(data$coords[, "x"] > 10, "10 right", "9 left")
  here <- RunSMART(
    data[c("chromatin", "protein")], data$coords,
    section.by = sections, preset = "paper", lr = 0.01, n_neighbors = 4, alpha = c(protein = 2),
    redraw = TRUE, epochs = 5, verbose = FALSE
  )
  there <- python_smart(
    data,
    seed = 42, epochs = 5, sections = sections,
    preset = "paper", lr = 0.01, n_neighbors = 4L, alpha = list(protein = 2), redraw = TRUE
  )
  expect_identical(unname(here$embedding), there$embedding)
  expect_identical(unname(is.na(here$contributions[, "protein"])), rep(c(TRUE, FALSE), c(30, 210)))
  expect_identical(here$sections, c("9 left" = 120L, "10 right" = 120L))
})

test_that("counts in several layers are those of one", {
  skip_without_core()
  data <- quarters()
  run <- function(counts) {
    run_core(
      list(rna = list(kind = "rna", counts = counts, pcs = NULL)), data$coords,
      epochs = 3, verbose = FALSE
    )$embedding
  }
  first <- colnames(data$rna)[c(TRUE, FALSE)]
  rest <- setdiff(colnames(data$rna), first)
  expect_equal(run(list(data$rna[, first], data$rna[, rest])), run(data$rna), tolerance = 1e-3)
})

test_that("sparse counts go over as they lie, cells x features by rows", {
  skip_without_core()
  counts <- quarters()$rna
  seen <- NULL
  core <- list(components = function(kind, parts, ...) seen <<- parts)
  count_components(
    core, "rna", list(kind = "rna", counts = counts),
    list(), 1L, TRUE, new_relay(FALSE)
  )
  expect_length(seen, 1)
  sparse <- reticulate::import("scipy.sparse")
  expect_true(sparse$isspmatrix_csr(seen[[1]]))
  expect_identical(unlist(reticulate::py_to_r(seen[[1]]$shape)), rev(dim(counts)))
  expect_identical(as.vector(reticulate::py_to_r(seen[[1]]$data)), counts@x)
  expect_identical(as.vector(reticulate::py_to_r(seen[[1]]$indices)), counts@i)
})

test_that("arguments of the core are known by their names, with dots or underscores", {
  skip_without_core()
  given <- function(...) core_arguments(list(...), core(), c("rna", "protein"))
  expect_identical(
    reticulate::py_to_r(given(latent.dim = 8, stop_slope = 0)$params),
    list(latent_dim = 8, stop_slope = 0)
  )
  expect_length(reticulate::py_to_r(given()$params), 0)
  expect_identical(given(n.comps = c(rna = 5))$n_comps, c(rna = 5))
  expect_identical(given()$preset, "robust")
  expect_error(given(lamda = 1), "`lamda`.*`lam`.*`weight.decay`")
  expect_snapshot(error = TRUE, {
    given(lr = 1, lr = 2)
    given(n_comps = 1, n.comps = 2)
    given(alpha = 2)
    given(n.comps = list(atac = 3))
  })
})

test_that("what the core refuses is an error of R that says why", {
  skip_without_core()
  data <- quarters()
  run <- function(..., epochs = 2) {
    RunSMART(data$rna, data$coords, "rna", verbose = FALSE, epochs = epochs, ...)
  }
  expect_snapshot(error = TRUE, {
    run(lam = 3)
    run(preset = "best")
    run(n.neighbors = -1)
    run(min.spots = 1000)
    run(seed.use = 1.5)
  })
  expect_error(run(epochs = "many"), class = "smart_core_error")
  expect_error(run(encoder = "mlp"), class = "smart_ValueError")
})

test_that("warnings of Python are R's, its log is heard when verbose", {
  skip_without_core()
  data <- quarters()
  run <- function(...) {
    RunSMART(list(rna = data$rna[1:20, ]), data$coords, "rna", epochs = 2, ...)
  }
  expect_warning(run(verbose = FALSE), "^rna: .*component")
  expect_silent(run(n.comps = 5, verbose = FALSE))
  expect_message(run(n.comps = 5), "rna: 20 of 20 genes are used")
})

test_that("R's random numbers are not touched", {
  skip_without_core()
  data <- quarters()
  withr::local_seed(3)
  before <- .Random.seed
  RunSMART(data$rna, data$coords, "rna", n.clusters = 3, epochs = 2, verbose = FALSE)
  expect_identical(.Random.seed, before)
})

test_that("seeds are whole numbers that Python and R know", {
  expect_identical(check_seed(42), 42L)
  expect_identical(check_seed(0), 0L)
  expect_error(check_seed(-1), "from 0 to 2147483647")
  expect_error(check_seed(2^31), "from 0 to 2147483647")
  expect_error(check_seed(c(1, 2)))
  expect_error(check_seed(NA))
})

test_that("sections sort as in Python", {
  cells <- c("a", "b", "c", "d")
  sections <- c(d = "b", c = "B", b = "a", a = "\u00e4")
  # By code point: B, a, b, ä.
  expect_identical(as.vector(section_codes(sections, cells)), c(4L, 2L, 1L, 3L))
  expect_null(section_codes(NULL, cells))
})
