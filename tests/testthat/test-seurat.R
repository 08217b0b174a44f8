skip_if_not_installed("Seurat")

small <- function(...) SimulateSMART(n.rows = 5, n.cols = 5, ...)
run <- function(object, ...) RunSMART(object, ..., verbose = FALSE)

test_that("counts of the assays arrive as they are, the places of their cells with them", {
  seen <- local_fake_core()
  object <- small()
  run(object, assays = c("ADT", "Spatial"))
  expect_named(seen$modalities, c("protein", "rna"))
  expect_equal(seen$modalities$rna$kind, "rna")
  expect_s4_class(seen$modalities$rna$counts, "dgCMatrix")
  expect_equal(
    seen$modalities$rna$counts, get_counts(object, "Spatial"),
    ignore_attr = TRUE
  )
  expect_equal(seen$modalities$protein$counts, get_counts(object, "ADT"), ignore_attr = TRUE)
  expect_equal(rownames(seen$coords), colnames(object))
  expect_equal(dimnames(seen$modalities$rna$counts)[[2]], colnames(object))
  expect_null(seen$sections)
})

test_that("one modality is enough", {
  seen <- local_fake_core()
  result <- run(small(), assays = "Spatial")
  expect_named(seen$modalities, "rna")
  expect_equal(dim(result[["smart"]]), c(25, 3))
})

test_that("images are sections", {
  seen <- local_fake_core()
  object <- small(n.sections = 2)
  run(object)
  expect_equal(seen$sections, stats::setNames(object$section, colnames(object)))
})

test_that("names of assays become those of the modalities", {
  seen <- local_fake_core()
  run(small(), assays = c(tissue = "Spatial", surface = "ADT"))
  expect_named(seen$modalities, c("tissue", "surface"))
  expect_equal(seen$modalities$surface$kind, "protein")
  run(small(), assays = c(protein = "Spatial"))
  expect_equal(seen$modalities$protein$kind, "protein")
})

test_that("features are chosen for all assays or for some, and then all of them used", {
  seen <- local_fake_core()
  run(small(), features = c("Gene9", "Gene2", "Protein3"))
  expect_equal(rownames(seen$modalities$rna$counts), c("Gene9", "Gene2"))
  expect_equal(rownames(seen$modalities$protein$counts), "Protein3")
  expect_equal(seen$dots$n.features, list(rna = Inf, protein = Inf))
  run(small(), features = list(Spatial = c("Gene9", "Gene2")))
  expect_equal(rownames(seen$modalities$rna$counts), c("Gene9", "Gene2"))
  expect_equal(nrow(seen$modalities$protein$counts), 20)
  expect_equal(seen$dots$n.features, list(rna = Inf))
  run(small(), features = paste0("Gene", 1:50), assays = "Spatial", n_features = 20)
  expect_null(seen$dots$n.features)
  expect_message(RunSMART(small(), features = "Gene2"), "none of \"ADT\"")
  expect_equal(nrow(seen$modalities$protein$counts), 20)
  run(small())
  expect_null(seen$dots$n.features)
})

test_that("the layer is one for all or named by assay", {
  seen <- local_fake_core()
  object <- small()
  object <- SeuratObject::SetAssayData(object, assay = "ADT", "data", get_counts(object, "ADT") * 2)
  run(object, layer = c(ADT = "data"))
  expect_equal(sum(seen$modalities$protein$counts), 2 * sum(get_counts(object, "ADT")))
  expect_equal(sum(seen$modalities$rna$counts), sum(get_counts(object, "Spatial")))
})

with_reductions <- function() {
  object <- small()
  for (name in c("pca", "apca")) {
    x <- matrix(seq_len(25 * 6) / nchar(name), 25)
    dimnames(x) <- list(colnames(object), paste0(toupper(name), "_", 1:6))
    object[[name]] <- SeuratObject::CreateDimReducObject(
      x,
      assay = if (name == "pca") "Spatial" else "ADT", key = paste0(toupper(name), "_")
    )
  }
  object
}

test_that("reductions stand in for counts", {
  seen <- local_fake_core()
  object <- with_reductions()
  result <- run(object, reduction = c("pca", "apca"))
  expect_named(seen$modalities, c("rna", "protein"))
  expect_null(seen$modalities$rna$counts)
  expect_null(seen$modalities$rna$kind)
  expect_equal(seen$modalities$rna$pcs, SeuratObject::Embeddings(object, "pca"))
  expect_equal(SeuratObject::DefaultAssay(result[["smart"]]), "Spatial")
  expect_equal(SeuratObject::Misc(result[["smart"]])$modalities$reduction, c("pca", "apca"))

  run(object, reduction = "apca", dims = 2:4)
  expect_named(seen$modalities, "protein")
  expect_equal(seen$modalities$protein$pcs, SeuratObject::Embeddings(object, "apca")[, 2:4])

  run(object, reduction = list(ADT = "apca"), assays = c("Spatial", "ADT"), dims = list(ADT = 1:2))
  expect_named(seen$modalities, c("rna", "protein"))
  expect_s4_class(seen$modalities$rna$counts, "dgCMatrix")
  expect_equal(ncol(seen$modalities$protein$pcs), 2)

  # Both of one assay: they go by their own names.
  run(object, reduction = c(one = "pca", two = "apca"))
  expect_named(seen$modalities, c("one", "two"))
})

test_that("bad choices of inputs are errors that list what is there", {
  local_fake_core()
  object <- with_reductions()
  expect_snapshot({
    error_message(run(object, assays = c("Spatial", "RNA")))
    error_message(run(object, assays = c("ADT", "ADT")))
    error_message(run(object, assays = 1))
    error_message(run(object, layer = c(RNA = "counts")))
    error_message(run(object, features = "TP53"))
    error_message(run(object, features = 1:3))
    error_message(run(object, features = list(ADT = "TP53")))
    error_message(run(object, features = list(RNA = "TP53")))
    error_message(run(object, reduction = "umap"))
    error_message(run(object, reduction = 3))
    error_message(run(object, reduction = c(Spatial = "pca"), assays = "ADT"))
    error_message(run(object, reduction = c("pca", "pca")))
    error_message(run(object, reduction = "pca", dims = 5:9))
    error_message(run(object, dims = 1:3))
    error_message(run(small(), reduction = "pca"))
  })
})

test_that("a layer without anything is an error that lists those with something", {
  local_fake_core()
  expect_error(
    run(small(), assays = "Spatial", layer = "scale.data"), "no layer \"scale.data\".*\"counts\""
  )
  expect_error(run(small(), layer = "scale.data"), "No assay has raw counts: \"scale.data\" is missing")
})

test_that("log-normalised data are refused where counts are needed", {
  local_fake_core()
  object <- Seurat::NormalizeData(small(), assay = "Spatial", verbose = FALSE)
  expect_snapshot(error_message(run(object, assays = "Spatial", layer = "data")))
})

test_that("assays may have different cells, and all of them are embedded", {
  skip_if_not(seurat_5(), "assays with different cells need SeuratObject 5")
  seen <- local_fake_core()
  object <- partial_seurat()
  expect_message(RunSMART(object), "4 of 12 cells have no protein")
  expect_equal(ncol(seen$modalities$protein$counts), 8)
  expect_equal(rownames(seen$coords), paste0("c", 1:12))
  result <- run(object)
  expect_equal(nrow(result[["smart"]]), 12)
})

test_that("assays without a common cell are an error", {
  expect_snapshot(error_message(check_common_cells(list(
    rna = paste0("a", 1:5), protein = paste0("b", 1:3)
  ))))
  # Joined through a third.
  expect_silent(check_common_cells(list(a = 1:3, b = 5:9, c = 3:5)))
  skip_if_not(seurat_5(), "assays with different cells need SeuratObject 5")
  local_fake_core()
  object <- partial_seurat()
  suppressWarnings({
    object[["RNA"]] <- subset(object[["RNA"]], cells = paste0("c", 9:12))
  })
  expect_error(run(object), "no cell in common")
})

test_that("split layers are handed over one by one", {
  skip_if_not(seurat_5(), "layers need SeuratObject 5")
  seen <- local_fake_core()
  object <- small(n.sections = 2)
  whole <- get_counts(object, "Spatial")
  object[["Spatial"]] <- methods::as(object[["Spatial"]], "Assay5")
  object[["Spatial"]] <- split(object[["Spatial"]], f = object$section)
  run(object)
  parts <- seen$modalities$rna$counts
  expect_length(parts, 2)
  expect_equal(do.call(cbind, parts)[rownames(whole), colnames(whole)], whole)
})

test_that("an argument like reduction= is not taken for reduction.name", {
  local_fake_core()
  object <- with_reductions()
  expect_equal(
    SeuratObject::Reductions(run(object, reduction = "pca")), c("pca", "apca", "smart")
  )
})
