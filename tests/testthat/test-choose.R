# Groups of cells about corners that are far enough apart to be counted.
groups <- function(n = c(60, 50, 40, 30), d = 6, far = 6, seed = 1) {
  withr::local_seed(seed)
  which <- rep(seq_along(n), n)
  x <- matrix(stats::rnorm(sum(n) * d), sum(n)) + far * diag(1, length(n), d)[which, ]
  # An embedding holds 32-bit numbers.
  np <- reticulate::import("numpy", convert = FALSE)
  x <- reticulate::py_to_r(np$asarray(x)$astype("float32"))
  rownames(x) <- paste0("cell", seq_len(nrow(x)))
  list(x = x, which = which)
}

# As users of Python choose: the table, the number, and the clusters of each number.
python_choice <- function(x, numbers, method, seed) {
  env <- reticulate::py_run_string("
def run(x, numbers, method, seed):
    import anndata as ad
    import numpy as np
    import smartcore as sm

    adata = ad.AnnData(shape=(len(x), 0))
    adata.obsm['X_smart'] = np.asarray(x, dtype=np.float32)
    table = sm.tl.choose_n_clusters(adata, numbers, method=method, seed=seed, progress=False)
    domains = {}
    for k in numbers:
        sm.tl.cluster(adata, k, method=method, seed=seed)
        domains[str(k)] = adata.obs['smart'].astype(str).tolist()
    return {
        'table': {name: table[name].to_numpy() for name in table},
        'chosen': table.attrs['suggested'],
        'domains': domains,
    }
", local = TRUE, convert = FALSE)
  suppressWarnings(reticulate::py_to_r(env$run(
    unname(x), as.list(as.integer(numbers)), method, as.integer(seed)
  )))
}

expect_choice <- function(found, there, numbers) {
  table <- SMARTClusterNumbers(found)
  expect_identical(table$n.clusters, as.integer(numbers))
  columns <- c("silhouette", "davies_bouldin", "stability", "rank")
  expect_named(table, c("n.clusters", gsub("_", ".", columns)))
  for (name in columns) {
    expect_identical(table[[gsub("_", ".", name)]], as.vector(there$table[[name]]), label = name)
  }
  expect_identical(attr(table, "chosen"), as.integer(there$chosen))
  for (k in numbers) {
    own <- found$all.clusters[[paste0("clusters.", k)]]
    expect_identical(levels(own), as.character(seq_len(k) - 1))
    expect_identical(as.character(own), there$domains[[as.character(k)]], label = paste("K =", k))
  }
  chosen <- found$all.clusters[[paste0("clusters.", there$chosen)]]
  expect_identical(unname(found$clusters), chosen)
}

test_that("number and clusters are those of Python", {
  skip_without_core()
  data <- groups(far = 3.5)
  for (method in c("shrunk", "kmeans")) {
    found <- suppressWarnings(
      ChooseSMARTClusters(data$x, 2:5, method = method, seed.use = 7, verbose = FALSE)
    )
    expect_s3_class(found, "SMARTResult")
    expect_named(found$clusters, rownames(data$x))
    expect_identical(rownames(found$all.clusters), rownames(data$x))
    expect_choice(found, python_choice(data$x, 2:5, method, 7), 2:5)
  }
})

test_that("criteria of R's mclust are scikit-learn's of its own clusters", {
  skip_without_core()
  skip_if_not_installed("mclust")
  data <- groups()
  found <- ChooseSMARTClusters(data$x, c(5, 3, 4), method = "mclust", verbose = FALSE)
  table <- SMARTClusterNumbers(found)
  expect_identical(table$n.clusters, 3:5)
  expect_identical(attr(table, "chosen"), 4L)
  expect_identical(attr(table, "method"), "mclust")
  expect_equal(table$stability[2], 1)
  z <- stats::prcomp(data$x)$x
  metrics <- reticulate::import("sklearn.metrics")
  for (i in 1:3) {
    alone <- FindSMARTClusters(data$x, 2 + i, method = "mclust", verbose = FALSE)
    expect_identical(found$all.clusters[[i]], unname(alone))
    labels <- as.integer(as.character(alone))
    expect_equal(table$silhouette[i], metrics$silhouette_score(z, labels), tolerance = 1e-6)
    expect_equal(table$davies.bouldin[i], metrics$davies_bouldin_score(z, labels), tolerance = 1e-6)
  }
})

test_that("a number that the method cannot reach has no scores and no column", {
  skip_without_core()
  data <- groups(c(40, 40, 40), far = 100)
  warned <- testthat::capture_warnings(
    found <- ChooseSMARTClusters(
      data$x, 2:4,
      method = "leiden", n.neighbors = 10, verbose = FALSE
    )
  )
  expect_match(warned, "n.clusters = 2 is not scored", all = FALSE)
  table <- SMARTClusterNumbers(found)
  expect_true(all(is.na(table[1, -1])))
  expect_identical(attr(table, "chosen"), 3L)
  expect_false("clusters.2" %in% names(found$all.clusters))
  expect_identical(as.vector(table(found$clusters)), c(40L, 40L, 40L))
})

small_embedded <- function() {
  data <- groups()
  counts <- matrix(1, 2, nrow(data$x), dimnames = list(c("a", "b"), rownames(data$x)))
  object <- SeuratObject::CreateSeuratObject(as_sparse(counts))
  x <- data$x
  colnames(x) <- paste0("SMART_", seq_len(ncol(x)))
  object[["smart"]] <- SeuratObject::CreateDimReducObject(x, key = "SMART_", assay = "RNA")
  list(object = object, x = data$x)
}

test_that("a Seurat object gets a column for each number, and the best as its identities", {
  skip_without_core()
  skip_if_not_installed("SeuratObject")
  made <- small_embedded()
  # Of other numbers than 4 two divisions may be about as likely.
  said <- testthat::capture_messages(
    object <- suppressWarnings(ChooseSMARTClusters(made$object, 3:5))
  )
  expect_match(said, "Comparing 3 to 5 domains", all = FALSE)
  said <- gsub("\\s+", " ", paste(said, collapse = " "))
  for (text in c(
    "Found 4 domains of 30 to 60 cells, the best of 3 to 5:",
    "column `smart_clusters`, now the identities (`Idents()`).",
    "columns `smart_clusters.3`, `smart_clusters.4`, and `smart_clusters.5`."
  )) {
    expect_match(said, text, fixed = TRUE)
  }
  result <- suppressWarnings(ChooseSMARTClusters(made$x, 3:5, verbose = FALSE))
  expect_identical(SMARTClusterNumbers(object), SMARTClusterNumbers(result))
  expect_identical(SeuratObject::Idents(object), result$clusters)
  for (k in 3:5) {
    name <- paste0("smart_clusters.", k)
    expect_identical(object[[name]][[1]], result$all.clusters[[paste0("clusters.", k)]])
    found <- SMARTMemberships(object, cluster.name = name)
    expect_identical(colnames(found)[max.col(found)], as.character(object[[name]][[1]]))
    expect_identical(found, SMARTMemberships(result, cluster.name = paste0("clusters.", k)))
  }
  command <- SeuratObject::Command(object, "ChooseSMARTClusters")
  expect_identical(command@params$n.clusters, 3:5)

  # An object cut and clustered otherwise keeps the table.
  object <- suppressWarnings(
    FindSMARTClusters(object[, 1:150], 2, cluster.name = "two", verbose = FALSE)
  )
  expect_identical(SMARTClusterNumbers(object), SMARTClusterNumbers(result))
  expect_error(SMARTClusterNumbers(made$object), "No numbers of clusters were compared")
  expect_error(SMARTClusterNumbers(made$object, "pca"), "no reduction.*pca")
  expect_error(SMARTClusterNumbers("x"), "ChooseSMARTClusters.*not a string")
})

test_that("several numbers or resolutions are columns, the last one the identities", {
  skip_without_core()
  skip_if_not_installed("SeuratObject")
  made <- small_embedded()
  said <- testthat::capture_messages(
    object <- FindSMARTClusters(made$object, c(5, 3), method = "kmeans")
  )
  expect_match(paste(said, collapse = " "), "Found 3 domains", fixed = TRUE)
  expect_match(paste(said, collapse = " "), "last of 2 clusterings", fixed = TRUE)
  for (k in c(3, 5)) {
    alone <- FindSMARTClusters(made$x, k, method = "kmeans", verbose = FALSE)
    expect_identical(object[[paste0("smart_clusters.", k)]][[1]], unname(alone))
  }
  expect_identical(
    unname(SeuratObject::Idents(object)), object[["smart_clusters.3"]][[1]]
  )
  expect_error(SMARTClusterNumbers(object), "No numbers")
  clustering <- SeuratObject::Misc(object[["smart"]])$clustering
  expect_named(clustering, c("smart_clusters", "smart_clusters.5", "smart_clusters.3"))

  object <- FindSMARTClusters(
    made$object,
    resolution = c(0.05, 3), method = "leiden", n.neighbors = 20, verbose = FALSE
  )
  expect_lt(nlevels(object$smart_clusters_res.0.05), nlevels(object$smart_clusters_res.3))
  expect_identical(object$smart_clusters, object$smart_clusters_res.3)
  clustering <- SeuratObject::Misc(object[["smart"]])$clustering
  expect_identical(clustering$smart_clusters_res.0.05$resolution, 0.05)
  found <- FindSMARTClusters(made$x, 2:3, method = "kmeans", verbose = FALSE)
  expect_identical(names(found), c("clusters.2", "clusters.3"))
  expect_identical(rownames(found), rownames(made$x))
})

test_that("a SingleCellExperiment gets columns of its colData, cells without values none", {
  skip_without_core()
  skip_if_not_installed("SingleCellExperiment")
  x <- groups()$x
  with_gap <- rbind(x[1:10, ], gap = NA, x[-(1:10), ])
  counts <- matrix(1, 2, nrow(with_gap), dimnames = list(c("a", "b"), rownames(with_gap)))
  object <- SingleCellExperiment::SingleCellExperiment(
    list(counts = counts),
    reducedDims = list(SMART = with_gap)
  )
  said <- testthat::capture_messages(
    object <- suppressWarnings(ChooseSMARTClusters(object, 3:5))
  )
  expect_match(
    gsub("\\s+", " ", paste(said, collapse = " ")), "column `smart_clusters` of `colData()`",
    fixed = TRUE
  )
  result <- suppressWarnings(ChooseSMARTClusters(x, 3:5, verbose = FALSE))
  expect_identical(object$smart_clusters[-11], unname(result$clusters))
  expect_true(is.na(object$smart_clusters[11]))
  expect_identical(object$smart_clusters.5[-11], result$all.clusters$clusters.5)
  expect_true(is.na(object$smart_clusters.5[11]))
  expect_identical(SMARTClusterNumbers(object), SMARTClusterNumbers(result))
  expect_s3_class(SMARTClusterNumberPlot(object), "ggplot")
})

test_that("sections of a list are clustered together", {
  skip_without_core()
  skip_if_not_installed("Seurat")
  sections <- SimulateSMART(n.rows = 10, n.cols = 10, n.sections = 2)
  sections <- Seurat::SplitObject(sections, split.by = "section")
  run <- function(...) {
    suppressWarnings(RunSMART(sections, epochs = 20, verbose = FALSE, ...))
  }
  whole <- run(n.clusters = 2:5)
  later <- run()
  expect_false("smart_clusters" %in% names(later[[1]][[]]))
  later <- suppressWarnings(ChooseSMARTClusters(later, 2:5, verbose = FALSE))
  expect_identical(names(later), names(sections))
  for (i in 1:2) {
    expect_identical(later[[i]][[]], whole[[i]][[]])
    expect_identical(SeuratObject::Idents(later[[i]]), SeuratObject::Idents(whole[[i]]))
    expect_identical(SMARTClusterNumbers(later[[i]]), SMARTClusterNumbers(whole[[i]]))
  }
  stacked <- do.call(rbind, lapply(unname(whole), SeuratObject::Embeddings, "smart"))
  alone <- suppressWarnings(ChooseSMARTClusters(stacked, 2:5, verbose = FALSE))
  both <- unlist(lapply(unname(whole), function(one) as.character(one$smart_clusters)))
  expect_identical(both, as.character(alone$clusters))

  three <- suppressWarnings(FindSMARTClusters(later, 3, cluster.name = "three", verbose = FALSE))
  expect_identical(
    lapply(three, function(one) unname(one$three)),
    lapply(whole, function(one) unname(one$smart_clusters.3))
  )
  expect_error(FindSMARTClusters(list(1, "a"), 3), "must hold Seurat objects alone")
  expect_error(ChooseSMARTClusters(sections, 2:5), "no reduction.*smart.*RunSMART")
})

test_that("the best of several numbers is chosen after an embedding, and R alone is asked first", {
  skip_without_core()
  data <- quarters()
  run <- function(...) {
    suppressWarnings(RunSMART(
      data[c("rna", "protein")], data$coords,
      epochs = 20, verbose = FALSE, ...
    ))
  }
  result <- run(n.clusters = 2:5)
  alone <- suppressWarnings(ChooseSMARTClusters(result$embedding, 2:5, verbose = FALSE))
  expect_identical(result$n.clusters, alone$n.clusters)
  expect_identical(result$clusters, alone$clusters)
  expect_identical(result$all.clusters, alone$all.clusters)
  expect_output(print(result), "Other clusterings: clusters.2, clusters.3")
  expect_output(print(alone), "embedding of 240 cells in 64 dimensions")

  found <- run(cluster.method = "leiden", resolution = 0.3)
  expect_identical(
    found$clusters,
    FindSMARTClusters(result$embedding, method = "leiden", resolution = 0.3, verbose = FALSE)
  )
})

test_that("what does not go together is refused before anything is read or computed", {
  local_stand_ins(
    collect = function(...) stop("counts were read"),
    collect_matrices = function(...) stop("counts were read"),
    find_domains = function(...) stop("clusters were sought")
  )
  skip_if_not_installed("SeuratObject")
  object <- small_seurat()
  x <- matrix(stats::rnorm(24), 12)
  expect_snapshot({
    error_message(RunSMART(object, n.clusters = 4, resolution = 1))
    error_message(RunSMART(object, resolution = 1))
    error_message(RunSMART(object, resolution = 0, cluster.method = "leiden"))
    error_message(RunSMART(object, n.clusters = 4:12))
    error_message(RunSMART(object, n.clusters = 1:3))
    error_message(RunSMART(object, n.clusters = "4"))
    error_message(RunSMART(object, n.clusters = "4-6"))
    error_message(RunSMART(object, n.clusters = c(3, NA)))
    error_message(RunSMART(object, n.clusters = numeric()))
    error_message(RunSMART(list(object, object), n.clusters = 20:30))
    error_message(RunSMART(small_counts(), small_places(), n.clusters = 13))
    error_message(RunSMART(object, cluster.method = 1))
    error_message(ChooseSMARTClusters(x, 3))
    error_message(ChooseSMARTClusters(x, 1:3))
    error_message(ChooseSMARTClusters(x, 2:15))
    error_message(ChooseSMARTClusters("x"))
    error_message(FindSMARTClusters(x, 10:13))
    error_message(FindSMARTClusters(x, resolution = c(1, NA), method = "louvain"))
  })
})

test_that("the plot shows whichever criteria there are, and which way is better", {
  skip_if_not_installed("ggplot2")
  table <- structure(
    data.frame(
      n.clusters = c(2L, 3L, 7L),
      alpha = c(1, NA, 3), new.one = c(5, NA, 2), rank = c(2, NA, 1)
    ),
    lower = c(alpha = FALSE, new.one = TRUE), chosen = 7L
  )
  plot <- SMARTClusterNumberPlot(structure(list(n.clusters = table), class = "SMARTResult"))
  expect_identical(
    levels(plot$data$criterion),
    c("Alpha\nhigher is better", "New one\nlower is better", "Mean rank\nlower is better")
  )
  expect_identical(plot$data$value, c(1, 3, 5, 2, 2, 1))
  built <- ggplot2::ggplot_build(plot)
  marked <- Filter(function(layer) "xintercept" %in% names(layer), built$data)[[1]]
  expect_equal(unique(marked$xintercept), 7)
})

test_that("a comparison can be ended, and its bar is gone", {
  skip_without_core()
  data <- groups()
  before <- cli::cli_progress_num()
  told <- list()
  stop_at <- function(verbose, what, ...) {
    list(
      step = function(done, total) {
        told[[length(told) + 1]] <<- c(done, total)
        done == 3
      },
      done = function() told <<- c(told, "done")
    )
  }
  local_stand_ins(new_counter = stop_at)
  how <- tryCatch(
    ChooseSMARTClusters(data$x, 2:4, method = "kmeans", verbose = FALSE),
    interrupt = function(e) "interrupt"
  )
  expect_identical(how, "interrupt")
  expect_equal(told, list(c(1, 18), c(2, 18), c(3, 18), "done"))
  expect_identical(cli::cli_progress_num(), before)
})
