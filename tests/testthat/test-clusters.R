blobs <- function(n = c(30, 50, 20), d = 5, seed = 1) {
  withr::local_seed(seed)
  which <- rep(seq_along(n), n)
  x <- matrix(stats::rnorm(sum(n) * d), sum(n)) + 8 * diag(1, length(n), d)[which, ]
  rownames(x) <- paste0("cell", seq_len(nrow(x)))
  list(x = x, which = which)
}

test_that("clusters are a factor, the largest first", {
  skip_without_core()
  data <- blobs()
  for (method in setdiff(cluster_methods, if (!requireNamespace("mclust")) "mclust")) {
    found <- FindSMARTClusters(data$x, 3, method = method, n.neighbors = 10, verbose = FALSE)
    expect_identical(levels(found), c("0", "1", "2"))
    expect_identical(as.vector(table(found)), c(50L, 30L, 20L), label = method)
    expect_identical(unname(found), factor(c("1", "0", "2"))[data$which], label = method)
    expect_named(found, rownames(data$x))
  }
})

test_that("levels are in the order of numbers", {
  skip_without_core()
  data <- blobs(13:2, d = 12)
  found <- FindSMARTClusters(data$x, 12, method = "kmeans", verbose = FALSE)
  expect_identical(levels(found), as.character(0:11))
})

test_that("mclust gives what mclust gives on principal components", {
  skip_without_core()
  skip_if_not_installed("mclust")
  withr::local_package("mclust")
  data <- blobs(c(300, 200, 150), d = 30)
  # Near enough that cells change sides.
  x <- data$x - 5 * diag(1, 3, 30)[data$which, ]
  found <- FindSMARTClusters(x, 3, method = "mclust", verbose = FALSE)
  pcs <- stats::prcomp(x)$x[, 1:20]
  fits <- lapply(list(c("VVV", "SVD"), c("VVV", "VARS"), c("EII", "VARS")), function(hierarchy) {
    start <- list(hcPairs = mclust::hc(pcs, modelName = hierarchy[1], use = hierarchy[2]))
    mclust::Mclust(pcs, G = 3, modelNames = "EEE", initialization = start, verbose = FALSE)
  })
  fit <- fits[[which.max(vapply(fits, function(fit) fit$loglik, 0))]]
  expect_identical(mclust::adjustedRandIndex(found, fit$classification), 1)
  expect_true(any(table(found, data$which) %in% 1:20))
})

test_that("clusters are those of the Python core, mclust's through rpy2", {
  skip_without_core()
  withr::local_seed(5)
  # More than 2000 cells: mclust starts from some, drawn at random.
  x <- matrix(stats::rnorm(2200 * 24), 2200)
  x[1:900, 1:3] <- x[1:900, 1:3] + 1.5
  x[1800:2200, 2:5] <- x[1800:2200, 2:5] - 2
  # An embedding holds 32-bit numbers.
  np <- reticulate::import("numpy", convert = FALSE)
  narrow <- np$asarray(x)$astype("float32")
  x <- reticulate::py_to_r(narrow)
  sm <- reticulate::import("smartcore", convert = FALSE)
  for (method in c("shrunk", "gmm", "kmeans")) {
    there <- sm$clustering$cluster_embedding(narrow, 3L, method = method, seed = 11L)
    here <- FindSMARTClusters(x, 3, method = method, seed.use = 11, verbose = FALSE)
    expect_identical(as.integer(as.character(here)), as.vector(reticulate::py_to_r(there)))
  }

  skip_if_not_installed("mclust")
  folder <- withr::local_tempdir()
  np$save(file.path(folder, "x.npy"), narrow)
  script <- file.path(folder, "run.py")
  writeLines(c(
    "import sys, numpy as np",
    "from smartcore.clustering import cluster_embedding",
    "x = np.load(sys.argv[1])",
    "np.savetxt(sys.argv[2], cluster_embedding(x, 3, method='mclust', seed=11), fmt='%d')"
  ), script)
  out <- file.path(folder, "labels.txt")
  # R's own settings would lead rpy2's R and Python's libraries astray.
  said <- withr::with_envvar(
    c(LD_LIBRARY_PATH = NA, R_TESTS = NA, R_HOME = R.home()),
    suppressWarnings(system2(
      reticulate::py_exe(), shQuote(c(script, file.path(folder, "x.npy"), out)),
      stdout = TRUE, stderr = TRUE
    ))
  )
  skip_if_not(file.exists(out), paste("rpy2 does not run:", paste(utils::tail(said, 2), collapse = " ")))
  here <- FindSMARTClusters(x, 3, method = "mclust", seed.use = 11, verbose = FALSE)
  expect_identical(as.integer(as.character(here)), scan(out, quiet = TRUE) |> as.integer())
})

test_that("mclust leaves R's random numbers as they were", {
  skip_without_core()
  skip_if_not_installed("mclust")
  state <- function() get(".Random.seed", envir = globalenv())
  x <- blobs()$x
  kinds <- RNGkind("Wichmann-Hill")
  withr::defer(do.call(RNGkind, as.list(kinds)))
  set.seed(5)
  before <- state()
  cluster_core(x, 3, "mclust")
  expect_identical(state(), before)
})

test_that("where there is nothing to fit no method is asked", {
  skip_without_core()
  x <- matrix(c(1, 1, 1, 5, 5, 9), 6, 2)
  expect_identical(as.character(cluster_core(x, 1)$clusters), rep("0", 6))
  expect_identical(as.character(cluster_core(x, 3)$clusters), c("0", "0", "0", "1", "1", "2"))
  expect_snapshot(error = TRUE, cluster_core(x, 4, method = "gmm"))
  skip_if_not_installed("mclust")
  expect_identical(as.character(cluster_core(x, 3, "mclust")$clusters), c("0", "0", "0", "1", "1", "2"))
})

test_that("clusters can be found again in a result for matrices", {
  skip_without_core()
  data <- blobs()
  result <- structure(list(embedding = data$x), class = "SMARTResult")
  result <- FindSMARTClusters(result, 3, method = "kmeans", verbose = FALSE)
  expect_s3_class(result, "SMARTResult")
  expect_identical(nlevels(result$clusters), 3L)
})

test_that("bad input is refused by name", {
  skip_if_not_installed("mclust")
  x <- blobs()$x
  expect_snapshot(error = TRUE, {
    FindSMARTClusters(x)
    FindSMARTClusters(x, 0)
    FindSMARTClusters(x, 101)
    FindSMARTClusters(x, 2.5)
    FindSMARTClusters("x", 2)
    FindSMARTClusters(x, 3, method = "dbscan")
    FindSMARTClusters(x, 3, n.pcs = 0, verbose = FALSE)
    FindSMARTClusters(x, 3, seed.use = -1)
    FindSMARTClusters(x, 3, method = "leiden", resolution = 1)
    FindSMARTClusters(x, resolution = 1)
    FindSMARTClusters(x, method = "leiden", resolution = 0)
  })
})

test_that("values that are not finite are refused", {
  skip_without_core()
  x <- blobs()$x
  x[7, 2] <- NA
  expect_error(FindSMARTClusters(x, 3, verbose = FALSE), "NaN.*1 of 100", class = "smart_core_error")
})

test_that("communities can be found at a resolution", {
  skip_without_core()
  data <- blobs(c(60, 90, 70))
  found <- FindSMARTClusters(
    data$x,
    method = "leiden", resolution = 0.05, n.neighbors = 30, verbose = FALSE
  )
  expect_identical(as.vector(table(found, data$which)), c(0L, 0L, 60L, 90L, 0L, 0L, 0L, 70L, 0L))
})

# Gaussians by R's own means.
density_of <- function(x, mean, covariance) {
  exp(-stats::mahalanobis(x, mean, covariance) / 2) / sqrt(det(covariance))
}

test_that("the fitted model gives the memberships, and those of the core", {
  skip_without_core()
  data <- blobs(c(60, 90, 70), seed = 3)
  # Near enough that some cells lie between.
  x <- data$x - 5.5 * diag(1, 3, 5)[data$which, ]
  result <- structure(list(embedding = x), class = "SMARTResult")
  result <- FindSMARTClusters(result, 3, verbose = FALSE)
  record <- result$clustering$clusters
  expect_identical(record$method, "shrunk")
  expect_identical(record$n.pcs, 15L)
  expect_identical(record$far, 0)
  model <- record$model
  expect_equal(sum(model$weights), 1)

  found <- SMARTMemberships(result)
  expect_identical(dimnames(found), list(rownames(x), levels(result$clusters)))
  expect_equal(unname(rowSums(found)), rep(1, nrow(x)))
  expect_true(any(apply(found, 1, max) < 0.9))
  likeliest <- colnames(found)[max.col(found)]
  expect_identical(likeliest, as.character(unname(result$clusters)))

  scores <- sweep(x, 2, model$center) %*% model$axes
  density <- vapply(1:3, function(i) {
    model$weights[i] * density_of(scores, model$means[i, ], model$covariance)
  }, numeric(nrow(x)))
  expect_equal(unname(found), unname(density / rowSums(density)), tolerance = 1e-6)

  # As Python has them, from the same record.
  sm <- reticulate::import("smartcore", convert = FALSE)
  content <- lapply(model, function(x) if (is.matrix(x)) x else as.array(x))
  mixture <- sm$clustering$Mixture$from_arrays(reticulate::r_to_py(content))
  there <- reticulate::py_to_r(mixture$memberships(reticulate::r_to_py(unname(x))))
  expect_equal(unname(found), there, tolerance = 1e-10)
})

test_that("memberships follow an object that is cut and renamed", {
  skip_without_core()
  skip_if_not_installed("Seurat")
  object <- RunSMART(
    SimulateSMART(n.rows = 12, n.cols = 12),
    n.clusters = 4, epochs = 5, verbose = FALSE
  )
  whole <- SMARTMemberships(object)
  expect_identical(rownames(whole), colnames(object))
  expect_identical(colnames(whole)[max.col(whole)], as.character(object$smart_clusters))

  part <- subset(object, cells = colnames(object)[c(80, 3, 20)])
  expect_equal(SMARTMemberships(part), whole[colnames(part), ])
  named <- SeuratObject::RenameCells(object, add.cell.id = "a")
  expect_equal(unname(SMARTMemberships(named)), unname(whole))

  object <- FindSMARTClusters(object, 3, cluster.name = "three", verbose = FALSE)
  expect_identical(ncol(SMARTMemberships(object, "three")), 3L)
  expect_equal(SMARTMemberships(object), whole)
  object <- FindSMARTClusters(object, 3, method = "kmeans", cluster.name = "other", verbose = FALSE)
  expect_error(SMARTMemberships(object, "other"), "kmeans.*no fitted")
  expect_error(SMARTMemberships(object, "none"), "no clusters.*none")
  expect_error(SMARTMemberships(object, reduction = "pca"), "no reduction")
  expect_error(SMARTMemberships(1), "must be a Seurat object")
})

test_that("memberships of a SingleCellExperiment", {
  skip_without_core()
  skip_if_not_installed("SingleCellExperiment")
  data <- blobs(c(60, 90, 70))
  object <- SingleCellExperiment::SingleCellExperiment(
    list(counts = matrix(1, 2, 220, dimnames = list(c("a", "b"), rownames(data$x)))),
    reducedDims = list(SMART = data$x)
  )
  object <- FindSMARTClusters(object, 3, verbose = FALSE)
  found <- SMARTMemberships(object)
  expect_identical(rownames(found), colnames(object))
  expect_identical(colnames(found)[max.col(found)], as.character(object$smart_clusters))
  expect_equal(SMARTMemberships(object[, 5:9]), found[5:9, ])
})

test_that("sections that were not embedded together are not clustered together", {
  local_fake_core()
  skip_if_not_installed("Seurat")
  one <- RunSMART(SimulateSMART(n.rows = 5, n.cols = 5), lam = 0.1, verbose = FALSE)
  other <- RunSMART(SimulateSMART(n.rows = 5, n.cols = 5, seed.use = 2), verbose = FALSE)
  other@reductions$smart@misc$history$total <- c(4, 3)
  expect_error(FindSMARTClusters(list(a = one, b = other), 2), "were not embedded\\s+together")
})

test_that("of one cluster all cells are certain", {
  skip_without_core()
  found <- FindSMARTClusters(
    structure(list(embedding = matrix(stats::rnorm(40), 20)), class = "SMARTResult"), 1,
    verbose = FALSE
  )
  expect_equal(unname(SMARTMemberships(found)), matrix(1, 20, 1))
})
