# Whole runs on public data.

test_that("a Visium object from the days of Seurat 3 runs end to end", {
  skip_if_not_installed("Seurat")
  path <- shared_data("seurat_visium", "seu_anterior1_visium.rds")
  skip_without_core()
  old <- readRDS(path)
  object <- suppressWarnings(suppressMessages(SeuratObject::UpdateSeuratObject(old)))
  truth <- old@images$anterior1@coordinates
  found <- places_seurat(object, verbose = FALSE)$coords
  expect_equal(unname(found), unname(as.matrix(truth[rownames(found), c("imagecol", "imagerow")])))

  counted <- colnames(object)[object$nCount_Spatial > 0]
  expect_lt(length(counted), ncol(object))
  if (!seurat_5()) {
    expect_error(
      suppressWarnings(RunSMART(object, n.clusters = 4, epochs = 15, verbose = FALSE)),
      "subset\\(object, nCount_Spatial > 0\\)"
    )
    object <- subset(object, nCount_Spatial > 0)
  }
  result <- suppressWarnings(RunSMART(object, n.clusters = 4, epochs = 15, verbose = FALSE))
  expect_equal(rownames(result[["smart"]]), counted)
  expect_true(all(is.finite(SeuratObject::Embeddings(result, "smart"))))
  expect_equal(levels(result$smart_clusters), as.character(0:3))
  expect_equal(colnames(result)[!is.na(result$smart_clusters)], counted)
  misc <- SeuratObject::Misc(result[["smart"]])
  expect_equal(misc$params$n_neighbors, 6L)
  expect_equal(misc$modalities$assay, "Spatial")
  expect_s3_class(Seurat::SpatialDimPlot(result), "ggplot")
})

test_that("a 10x folder read by Load10X_Spatial runs end to end", {
  skip_if_not_installed("Seurat")
  skip_if_not(seurat_5(), "reading it as VisiumV2 needs Seurat 5")
  skip_if_not_installed("hdf5r")
  folder <- shared_data("seurat_visium", "visium_outs")
  skip_without_core()
  object <- suppressWarnings(Seurat::Load10X_Spatial(folder))
  expect_s4_class(object[["slice1"]], "VisiumV2")
  positions <- utils::read.csv(
    file.path(folder, "spatial", "tissue_positions_list.csv"),
    header = FALSE, row.names = 1
  )
  found <- places_seurat(object, verbose = FALSE)$coords
  # The column of the image is x, whichever it is in this version of Seurat.
  expect_equal(unname(found), unname(as.matrix(positions[rownames(found), 5:4])))

  result <- suppressWarnings(RunSMART(object, n.clusters = 3, epochs = 15, verbose = FALSE))
  counted <- colnames(object)[object$nCount_Spatial > 0]
  expect_equal(rownames(result[["smart"]]), counted)
  expect_true(all(is.finite(SeuratObject::Embeddings(result, "smart"))))
  expect_equal(colnames(result)[!is.na(result$smart_clusters)], counted)
  expect_s3_class(Seurat::SpatialDimPlot(result), "ggplot")
})

test_that("a field of cells of MERSCOPE runs end to end", {
  skip_if_not_installed("Seurat")
  path <- shared_data("formats", "seurat5_merscope_fov.rds")
  skip_without_core()
  object <- readRDS(path)
  placed <- SeuratObject::Cells(object[["vz.toy.1"]])
  expect_gt(ncol(object), length(placed))
  expect_error(
    RunSMART(object, verbose = FALSE), "12 of 1058 cells have no coordinates in image vz.toy.1"
  )
  object <- subset(object, cells = placed)
  result <- suppressWarnings(RunSMART(object, n.clusters = 4, epochs = 15, verbose = FALSE))
  # The centroids as they lie in the object.
  centroids <- object@images$vz.toy.1@boundaries$centroids
  found <- places_seurat(object, verbose = FALSE)$coords
  expect_equal(unname(found[centroids@cells, ]), unname(centroids@coords))
  expect_equal(rownames(result[["smart"]]), colnames(object))
  expect_equal(SeuratObject::Misc(result[["smart"]])$modalities$kind, "rna")
  expect_equal(levels(result$smart_clusters), as.character(0:3))
  expect_s3_class(Seurat::ImageDimPlot(result), "ggplot")
})

test_that("a Visium object of twelve spots of Seurat 5 is read, and too small to embed", {
  skip_if_not_installed("Seurat")
  skip_if_not(seurat_5(), "assays of Seurat 5 need it")
  path <- shared_data("formats", "seurat5_visium.rds")
  skip_without_core()
  object <- readRDS(path)
  expect_s4_class(object[["RNA"]], "Assay5")
  expect_s4_class(object@images[[1]], "VisiumV1")
  places <- object@images[[1]]@coordinates
  found <- places_seurat(object, verbose = FALSE)$coords
  expect_equal(unname(found), unname(as.matrix(places[rownames(found), c("imagecol", "imagerow")])))
  expect_error(
    suppressWarnings(RunSMART(object, n.clusters = 2, verbose = FALSE)), "12 spots are too few"
  )
})

test_that("a puck of Slide-seq from the days of Seurat 3 runs end to end", {
  skip_if_not_installed("Seurat")
  path <- shared_data("formats", "seurat3_slideseq.rda")
  skip_without_core()
  kept <- new.env()
  load(path, kept)
  old <- kept$vesalius
  # The numbers as they lie in the object.
  places <- old@images$slice1@coordinates
  counts <- old@assays$Spatial@counts
  object <- suppressWarnings(suppressMessages(SeuratObject::UpdateSeuratObject(old)))
  expect_s4_class(object[["slice1"]], "SlideSeq")
  found <- places_seurat(object, verbose = FALSE)$coords
  expect_equal(unname(found[rownames(places), ]), unname(as.matrix(places[c("x", "y")])))
  expect_equal(get_counts(object, "Spatial"), counts, ignore_attr = TRUE)
  result <- suppressWarnings(RunSMART(object, n.clusters = 4, epochs = 15, verbose = FALSE))
  expect_equal(rownames(result[["smart"]]), colnames(counts))
  expect_false(anyNA(result$smart_clusters))
  expect_s3_class(Seurat::SpatialDimPlot(result), "ggplot")
})

test_that("two slides' folders run as one list of sections", {
  skip_if_not_installed("Seurat")
  folder <- shared_data("formats", "visium_two_sections")
  skip_without_core()
  sections <- lapply(c(one = "section1", two = "section2"), function(name) {
    outs <- file.path(folder, name, "outs")
    counts <- suppressWarnings(Seurat::ReadMtx(
      file.path(outs, "raw_feature_bc_matrix", "matrix.mtx"),
      cells = file.path(outs, "raw_feature_bc_matrix", "barcodes.tsv"),
      features = file.path(outs, "raw_feature_bc_matrix", "features.tsv")
    ))
    object <- suppressWarnings(SeuratObject::CreateSeuratObject(counts, assay = "Spatial"))
    image <- suppressWarnings(Seurat::Read10X_Image(file.path(outs, "spatial")))
    object <- object[, intersect(colnames(object), SeuratObject::Cells(image))]
    image <- image[colnames(object)]
    SeuratObject::DefaultAssay(image) <- "Spatial"
    object[["slice1"]] <- image
    subset(object, nCount_Spatial > 0)
  })
  result <- suppressWarnings(RunSMART(sections, n.clusters = 3, epochs = 15, verbose = FALSE))
  for (name in names(sections)) {
    positions <- utils::read.csv(
      file.path(folder, sub("one", "section1", sub("two", "section2", name)), "outs", "spatial",
        "tissue_positions_list.csv"),
      header = FALSE, row.names = 1
    )
    found <- places_seurat(result[[name]], verbose = FALSE)$coords
    expect_equal(as.vector(dist(found)), as.vector(dist(positions[rownames(found), 4:5])))
    expect_equal(rownames(result[[name]][["smart"]]), colnames(sections[[name]]))
    expect_false(anyNA(result[[name]]$smart_clusters))
  }
})
