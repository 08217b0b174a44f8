# SMART as a method of Seurat 5's IntegrateLayers().

skip_if_not_installed("Seurat")

places_of <- function(object) {
  do.call(rbind, lapply(SeuratObject::Images(object), function(name) {
    image_coordinates(object[[name]])
  }))
}

split_object <- function(...) {
  object <- SimulateSMART(n.rows = c(8, 6), n.cols = c(8, 6), n.sections = 2, ...)
  list(whole = object, coords = places_of(object), split = split_layers(object))
}

split_layers <- function(object) {
  assay <- suppressWarnings(methods::as(object[["Spatial"]], "Assay5"))
  suppressWarnings(object[["Spatial"]] <- split(assay, f = object$section))
  object
}

integrate <- function(object, ...) {
  # Seurat warns that layers it does not need are missing.
  suppressWarnings(Seurat::IntegrateLayers(
    object,
    method = SMARTIntegration, orig.reduction = NULL, features = rownames(object),
    verbose = FALSE, ...
  ))
}

test_that("it is marked as what IntegrateLayers() takes", {
  expect_identical(attr(SMARTIntegration, "Seurat.method"), "integration")
})

test_that("before Seurat 5 it says so", {
  skip_if(seurat_5(), "it is there")
  expect_error(
    SMARTIntegration(small_seurat()[["RNA"]], coords = small_places()), "Layers came with Seurat 5"
  )
})

test_that("the embedding is that of RunSMART() with section.by, and of the core", {
  skip_if_not(seurat_5(), "layers came with Seurat 5")
  skip_without_core()
  data <- split_object(batch.effect = 0.5)
  found <- integrate(data$split, coords = data$coords, epochs = 5)
  expect_equal(SeuratObject::Reductions(found), "smart")
  oracle <- RunSMART(
    data$whole,
    assays = "Spatial", coords = data$coords, section.by = "section", epochs = 5, verbose = FALSE
  )
  embedding <- SeuratObject::Embeddings(found, "smart")
  expect_identical(embedding, SeuratObject::Embeddings(oracle, "smart"))
  expect_equal(SeuratObject::DefaultAssay(found[["smart"]]), "Spatial")
  expect_equal(SeuratObject::Misc(found[["smart"]])$sections, c(slice1 = 64L, slice2 = 36L))

  counts <- get_counts(data$whole, "Spatial")
  there <- python_smart(
    list(rna = counts, coords = data$coords[colnames(counts), ]),
    seed = 42, epochs = 5, sections = data$whole$section
  )
  expect_equal(unname(embedding), there$embedding)

  # After the usual steps, under another name.
  usual <- Seurat::NormalizeData(data$split, verbose = FALSE)
  usual <- Seurat::FindVariableFeatures(usual, nfeatures = 50, verbose = FALSE)
  usual <- Seurat::ScaleData(usual, verbose = FALSE)
  usual <- suppressWarnings(Seurat::RunPCA(usual, npcs = 5, verbose = FALSE))
  found <- Seurat::IntegrateLayers(
    usual,
    method = SMARTIntegration, coords = data$coords, new.reduction = "joint", epochs = 5,
    verbose = FALSE
  )
  expect_setequal(SeuratObject::Reductions(found), c("pca", "joint"))
  expect_equal(unname(SeuratObject::Embeddings(found, "joint")), unname(embedding))
  expect_equal(SeuratObject::Key(found[["joint"]]), c(joint = "JOINT_"), ignore_attr = TRUE)
  clustered <- FindSMARTClusters(found, 3, reduction = "joint", verbose = FALSE)
  expect_equal(nlevels(clustered$joint_clusters), 3)
})

test_that("layers are sections, and those that are named are embedded alone", {
  skip_if_not(seurat_5(), "layers came with Seurat 5")
  seen <- local_fake_core()
  object <- SimulateSMART(n.rows = 4, n.cols = 4, n.sections = 3)
  coords <- places_of(object)
  object <- split_layers(object)
  integrate(object, coords = coords)
  expect_equal(unname(seen$sections), unname(object$section))
  expect_equal(rownames(seen$coords), colnames(object))
  expect_places(seen$coords, coords)
  found <- integrate(object, coords = coords, layers = c("counts.slice1", "counts.slice3"))
  expect_equal(unique(unname(seen$sections)), c("slice1", "slice3"))
  expect_equal(
    rownames(SeuratObject::Embeddings(found, "smart")),
    colnames(object)[object$section != "slice2"]
  )
})

test_that("what it cannot do is said", {
  skip_if_not(seurat_5(), "layers came with Seurat 5")
  local_fake_core()
  data <- split_object()
  whole <- data$whole
  suppressWarnings(whole[["Spatial"]] <- methods::as(whole[["Spatial"]], "Assay5"))
  expect_snapshot({
    error_message(integrate(data$split))
    error_message(integrate(data$split, coords = data$coords[-1, ]))
    error_message(integrate(data$split, coords = data$coords, counts.layer = "raw"))
    error_message(integrate(whole, coords = data$coords))
    error_message(SMARTIntegration(data$whole, coords = data$coords))
  })
})
