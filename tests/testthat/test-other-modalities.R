# Measurements of any sort and vectors that are ready: from R the same as from Python.

intensities <- function(cells, n = 12, seed = 1) {
  set.seed(seed)
  x <- matrix(stats::rgamma(n * length(cells), 2) * 1000, n)
  x[1:4, seq_len(length(cells) / 2)] <- x[1:4, seq_len(length(cells) / 2)] * 6
  dimnames(x) <- list(paste0("mz", seq_len(n)), cells)
  x
}

# Components as pp.features and pp.embedding make them, in this Python.
by_python <- function(x, fn, ...) {
  ad <- reticulate::import("anndata", convert = FALSE)
  pp <- reticulate::import("smartcore.pp", convert = FALSE)
  adata <- ad$AnnData(reticulate::r_to_py(methods::as(x, "CsparseMatrix"))$T)
  pp[[fn]](adata, ...)
  reticulate::py_to_r(adata$obsm["X_pca"])
}

# What the core makes of counts, and embeds.
local_kept_components <- function(frame = parent.frame()) {
  seen <- new.env()
  original <- count_components
  local_stand_ins(
    count_components = function(core, name, ...) {
      found <- original(core, name, ...)
      seen[[name]] <- reticulate::py_to_r(found[["components"]])
      found
    },
    frame = frame
  )
  seen
}

test_that("components are exactly those of the core", {
  skip_without_core()
  data <- quarters()
  cells <- colnames(data$rna)
  msi <- intensities(cells)
  cnv <- msi / 1000 - 3
  wide <- intensities(cells, 40, seed = 2) / 1000
  seen <- local_kept_components()
  result <- RunSMART(
    list(rna = data$rna, msi = msi, cnv = cnv, uni = wide, topics = wide[1:8, ]), data$coords,
    modalities = c(msi = "other", cnv = "other", uni = "embedding", topics = "embedding"),
    steps = list(msi = c("scale", "total", "log1p"), topics = "scale"),
    epochs = 2, verbose = FALSE, n.comps = c(msi = 5)
  )
  steps <- c("total", "log1p", "scale")
  expect_identical(seen$msi, by_python(msi, "features", steps = steps, n_comps = 5L, seed = 42L))
  expect_identical(seen$cnv, by_python(cnv, "features", seed = 42L))
  expect_identical(seen$uni, by_python(wide, "embedding", seed = 42L))
  expect_identical(seen$topics, by_python(wide[1:8, ], "embedding", steps = "scale", seed = 42L))
  expect_identical(dim(seen$uni), c(length(cells), 30L))
  expect_identical(dim(seen$topics), c(length(cells), 8L))
  expect_identical(result$modalities$modality, c("rna", "msi", "cnv", "uni", "topics"))
  expect_identical(result$modalities$kind, c("rna", "other", "other", "embedding", "embedding"))
})

test_that("steps for all are those of measurements, not of vectors", {
  given <- c("total", "log1p")
  expect_identical(steps_for("other", given, "msi"), given)
  expect_null(steps_for("embedding", given, "uni"))
  expect_identical(steps_for("embedding", list(uni = "scale"), "uni"), "scale")
  expect_null(steps_for("other", list(uni = "scale"), "msi"))
})

test_that("a Seurat object gives them, without raw counts too, and says of which layer", {
  skip_if_not_installed("Seurat")
  skip_without_core()
  object <- SimulateSMART(n.rows = 12, n.cols = 12)
  msi <- intensities(colnames(object))
  object[["MSI"]] <- SeuratObject::CreateAssayObject(data = log1p(msi))
  wanted <- c(Spatial = "rna", MSI = "other")
  said <- testthat::capture_messages(
    result <- RunSMART(object, modalities = wanted, epochs = 2)
  )
  expect_match(paste(said, collapse = ""), "MSI \\(MSI, other, layer \"data\"\\)")
  expect_false(anyNA(result$smart.contribution.MSI))
  expect_identical(SeuratObject::Misc(result[["smart"]])$modalities$layer, c("counts", "data"))
  seen <- local_kept_components()
  again <- RunSMART(object, modalities = wanted, epochs = 2, verbose = FALSE)
  expect_identical(seen$MSI, by_python(log1p(msi), "features", seed = 42L))
  expect_identical(
    SeuratObject::Embeddings(again, "smart"), SeuratObject::Embeddings(result, "smart")
  )
  named <- RunSMART(
    object,
    modalities = wanted, layer = c(MSI = "data"), steps = c(MSI = "none"), epochs = 2,
    verbose = FALSE
  )
  expect_identical(seen$MSI, by_python(log1p(msi), "features", steps = "none", seed = 42L))
})

test_that("so does an alternative experiment", {
  skip_if_not_installed("SingleCellExperiment")
  skip_without_core()
  data <- quarters()
  msi <- intensities(colnames(data$rna)) / 1000 - 2
  object <- SingleCellExperiment::SingleCellExperiment(list(counts = data$rna))
  SingleCellExperiment::altExp(object, "MSI") <-
    SummarizedExperiment::SummarizedExperiment(list(intensity = msi))
  seen <- local_kept_components()
  result <- RunSMART(
    object,
    modalities = c(main = "rna", MSI = "other"), coords = data$coords, epochs = 2, verbose = FALSE
  )
  expect_identical(seen$MSI, by_python(msi, "features", seed = 42L))
  expect_s4_class(result, "SingleCellExperiment")
})

test_that("sections of a list share their features", {
  skip_if_not_installed("Seurat")
  skip_without_core()
  sections <- lapply(1:2, function(i) {
    object <- SimulateSMART(n.rows = 10, n.cols = 10, seed.use = i)
    msi <- intensities(colnames(object), seed = i)
    if (i == 2) msi <- msi[12:2, ]
    object[["MSI"]] <- SeuratObject::CreateAssayObject(data = msi)
    object
  })
  names(sections) <- c("a", "b")
  seen <- local_kept_components()
  steps <- c("total", "log1p", "scale")
  RunSMART(
    sections,
    modalities = c(Spatial = "rna", MSI = "other"), steps = steps, epochs = 2, verbose = FALSE
  )
  ad <- reticulate::import("anndata", convert = FALSE)
  pd <- reticulate::import("pandas", convert = FALSE)
  pp <- reticulate::import("smartcore.pp", convert = FALSE)
  parts <- lapply(sections, function(object) {
    msi <- SeuratObject::GetAssayData(object[["MSI"]], "data")
    ad$AnnData(
      reticulate::r_to_py(methods::as(msi, "CsparseMatrix"))$T,
      var = pd$DataFrame(index = as.array(rownames(msi)))
    )
  })
  pp$features(parts, steps = steps, seed = 42L)
  expected <- lapply(parts, function(part) reticulate::py_to_r(part$obsm["X_pca"]))
  expect_identical(seen$MSI, do.call(rbind, unname(expected)))
})

test_that("cells without any value are not measured, and other bad values are refused", {
  skip_without_core()
  data <- quarters()
  msi <- intensities(colnames(data$rna))
  run <- function(x, kind = "other", ...) {
    RunSMART(
      list(rna = data$rna, msi = x), data$coords,
      modalities = c(msi = kind), epochs = 2, verbose = FALSE, ...
    )
  }
  holes <- msi
  holes[, 3:5] <- NA
  expect_warning(result <- run(holes), "3 of [0-9]+ spots have no values of this modality")
  expect_identical(sum(is.na(result$contributions[, "msi"])), 3L)
  holes[2, 9] <- NA
  expect_error(
    run(holes), "^msi: There are NaN in 1 of .*\"cell 9\".*1 of 12 features .*\"mz2\""
  )
  expect_error(run(-msi, steps = "total"), "msi: There are negative values in .*leave it out")
  expect_error(run(msi, steps = "tic"), "among.*not \"tic\".*mean.*total")
  expect_error(run(msi, "metabolites"), "must be .*\"other\".*\"embedding\"")
  expect_error(run(msi, "embeding"), "Did you mean.*embedding")
})
