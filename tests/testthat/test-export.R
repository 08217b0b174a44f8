# Files for viewers, and regions of QuPath, looked at by readers that are not the package's.

small <- function(class = "Seurat", ...) {
  SimulateSMART(n.rows = 6, n.cols = 6, n.genes = 30, n.proteins = 8, class = class, ...)
}

with_domains <- function(class = "Seurat", ...) {
  RunSMART(small(class, ...), n.clusters = 3, seed.use = 1, verbose = FALSE)
}

# Where all classes have the simulated cells.
places <- function() {
  sce <- small("SingleCellExperiment")
  as.matrix(as.data.frame(SummarizedExperiment::colData(sce))[c("x", "y")])
}

has_module <- function(name) reticulate::py_module_available(name)

test_that("cell groups of Xenium Explorer have the cells, their domains and colours", {
  skip_without_core()
  object <- with_domains()
  file <- file.path(withr::local_tempdir(), "groups.csv")
  expect_message(paths <- SMARTExport(object, "xenium", file), "Written")
  expect_setequal(basename(paths), c("groups.csv", "groups_confidence.csv"))
  groups <- utils::read.csv(file, colClasses = "character")
  expect_identical(names(groups), c("cell_id", "group", "color"))
  expect_identical(groups$cell_id, colnames(object))
  expect_identical(groups$group, as.character(object$smart_clusters))
  expect_length(unique(groups$color), 3)
  # Bands of the probabilities that R computes itself.
  bands <- utils::read.csv(file.path(dirname(file), "groups_confidence.csv"))
  most <- apply(SMARTMemberships(object), 1, max)[bands$cell_id]
  means <- tapply(most, bands$group, range)
  expect_true(all(diff(order(vapply(means, `[`, 0, 1))) != 0))
  ranges <- do.call(rbind, means[order(vapply(means, `[`, 0, 1))])
  expect_true(all(ranges[-1, 1] >= ranges[-nrow(ranges), 2]))
})

test_that("a category for Loupe Browser has the user's names and the machine's barcodes", {
  skip_without_core()
  object <- with_domains()
  object$layer <- factor(object$smart_clusters, labels = c("white, outer", "\u00e9", "gr\"ey"))
  object$barcode <- paste0("AAAC", seq_len(ncol(object)), "-1")
  object$layer[3] <- NA
  file <- file.path(withr::local_tempdir(), "category.csv")
  SMARTExport(object, "loupe", file,
    group.by = "layer", names.by = "barcode", verbose = FALSE
  )
  found <- utils::read.csv(file, encoding = "UTF-8")
  expect_identical(found$Barcode, object$barcode[-3], ignore_attr = TRUE)
  expect_identical(found$layer, as.character(object$layer)[-3])
})

test_that("colours that are given are used", {
  skip_without_core()
  object <- with_domains()
  file <- file.path(withr::local_tempdir(), "groups.csv")
  cols <- c("2" = "red", "0" = "#00ff00", "1" = "blue")
  SMARTExport(object, "xenium", file, cols = cols, verbose = FALSE)
  groups <- utils::read.csv(file, colClasses = "character")
  wanted <- c("0" = "#00FF00", "1" = "#0000FF", "2" = "#FF0000")
  expect_identical(toupper(groups$color), unname(wanted[groups$group]))
  expect_error(SMARTExport(object, "xenium", file, cols = "red", overwrite = TRUE), "3 domains")
  expect_error(
    SMARTExport(object, "xenium", file, cols = c("red", "blue", "nonsense"), overwrite = TRUE),
    "nonsense"
  )
})

test_that("sections get files of their own, with barcodes as before they were merged", {
  skip_without_core()
  object <- small(n.sections = 2)
  object <- RunSMART(object, section.by = "section", n.clusters = 3, verbose = FALSE)
  folder <- withr::local_tempdir()
  paths <- SMARTExport(object, "loupe", file.path(folder, "c.csv"),
    section.by = "section", verbose = FALSE
  )
  sections <- unique(object$section)
  for (section in sections) {
    found <- utils::read.csv(file.path(folder, paste0("c_", section, ".csv")), check.names = FALSE)
    own <- colnames(object)[object$section == section]
    expect_identical(
      as.character(found$smart_clusters), as.character(object$smart_clusters[own])
    )
    expect_identical(found$Barcode, machine_names(own, rep(section, length(own))))
  }
})

test_that("what merging put around barcodes is taken off", {
  cells <- c("a_AAC-1", "a_AAG-1", "b_AAC-1")
  expect_identical(machine_names(cells, c("a", "a", "b")), c("AAC-1", "AAG-1", "AAC-1"))
  cells <- c("AAC-1_1", "AAG-1_1", "AAC-1_2")
  expect_identical(machine_names(cells, c("x", "x", "y")), c("AAC-1", "AAG-1", "AAC-1"))
  # Parts of names stay.
  cells <- c("7_1", "7_2", "9_1")
  expect_identical(machine_names(cells, c("x", "x", "y")), c("7_1", "7_2", "9"))
  expect_identical(machine_names(cells, NULL), cells)
})

test_that("points of napari lie where the cells do", {
  skip_without_core()
  has_spe <- requireNamespace("SpatialExperiment", quietly = TRUE)
  classes <- c("Seurat", "SingleCellExperiment", if (has_spe) "SpatialExperiment")
  for (class in classes) {
    object <- with_domains(class)
    file <- file.path(withr::local_tempdir(), "points.csv")
    SMARTExport(object, "napari", file, verbose = FALSE)
    found <- utils::read.csv(file)
    xy <- places()
    # napari counts rows first.
    expect_equal(found$axis.0, unname(xy[, 2]), info = class)
    expect_equal(found$axis.1, unname(xy[, 1]), info = class)
  }
})

test_that("regions of QuPath hold the cells of their domain, and come back as labels", {
  skip_without_core()
  skip_if_not(has_module("shapely"), "shapely is not there")
  object <- with_domains("SingleCellExperiment")
  file <- file.path(withr::local_tempdir(), "domains.geojson")
  expect_error(SMARTExport(object, "qupath", file, verbose = FALSE), "pixel.size")
  expect_false(file.exists(file))
  SMARTExport(object, "qupath", file, pixel.size = 0.5, verbose = FALSE)
  regions <- SMARTRegions(object, file, pixel.size = 0.5)
  expect_identical(names(regions), colnames(object))
  expect_identical(as.character(regions), as.character(object$smart_clusters))
  expect_error(SMARTRegions(object, file, verbose = FALSE), "pixel.size")
  # Places in an image of Visium are its pixels.
  visium <- with_domains()
  SMARTExport(visium, "qupath", file, overwrite = TRUE, verbose = FALSE)
  expect_identical(
    as.character(SMARTRegions(visium, file, verbose = FALSE)), as.character(visium$smart_clusters)
  )
  # A region is read in pixels, and cells outside have no label.
  square <- sprintf(
    paste0(
      "{\"type\": \"Feature\", \"geometry\": {\"type\": \"Polygon\", \"coordinates\": [[",
      "[%1$s, %1$s], [%2$s, %1$s], [%2$s, %2$s], [%1$s, %2$s], [%1$s, %1$s]]]},",
      " \"properties\": {\"classification\": {\"name\": \"Tumor\"}}}"
    ), 0, 2 * 350
  )
  writeLines(square, file)
  regions <- SMARTRegions(object, file, pixel.size = 0.5, verbose = FALSE)
  inside <- object$x <= 350 & object$y <= 350
  expect_identical(unname(!is.na(regions)), unname(inside))
  expect_identical(levels(regions), "Tumor")
})

test_that("Vitessce has places, domains, embedding, and counts of all modalities", {
  skip_without_core()
  skip_if_not(has_module("zarr"), "zarr is not there")
  object <- with_domains()
  folder <- file.path(withr::local_tempdir(), "viewer")
  SMARTExport(object, "vitessce", folder, verbose = FALSE)
  expect_true(file.exists(file.path(folder, "vitessce.json")))
  store <- reticulate::import("anndata", convert = FALSE)$read_zarr(file.path(folder, "data.zarr"))
  read <- reticulate::import("anndata")$read_zarr(file.path(folder, "data.zarr"))
  expect_identical(unname(as.character(read$obs_names$to_list())), colnames(object))
  xy <- read$obsm["spatial"]
  expect_equal(unname(xy), unname(places()), tolerance = 1e-6)
  two <- SeuratObject::Embeddings(object[["smart"]])[, 1:2]
  expect_equal(unname(read$obsm["X_smart"]), unname(two), tolerance = 1e-6)
  names <- read$var_names$to_list()
  expect_identical(as.character(names), unlist(lapply(SeuratObject::Assays(object), function(name) {
    rownames(object[[name]])
  })))
  counts <- do.call(rbind, lapply(SeuratObject::Assays(object), function(name) {
    as.matrix(assay_counts(object[[name]], name, check.counts = FALSE))
  }))
  expect_equal(reticulate::py_to_r(store$X$toarray()), unname(t(counts)), tolerance = 1e-6)
})

test_that("results for matrices are written, too", {
  skip_without_core()
  at <- as.matrix(expand.grid(x = 1:6, y = 1:6))
  rownames(at) <- paste0("cell", 1:36)
  values <- withr::with_seed(1, stats::rpois(36 * 20, 2 + 4 * (at[, "x"] > 3)))
  counts <- matrix(values, 20, byrow = TRUE)
  dimnames(counts) <- list(paste0("g", 1:20), rownames(at))
  result <- RunSMART(list(rna = counts), coords = at, n.clusters = 2, verbose = FALSE)
  file <- file.path(withr::local_tempdir(), "points.csv")
  SMARTExport(result, "napari", file, verbose = FALSE)
  found <- utils::read.csv(file)
  expect_equal(found$axis.1, unname(at[, "x"]))
  expect_identical(as.character(found$domain), as.character(result$clusters))
})

test_that("nothing is written over, or of what is not there", {
  skip_without_core()
  object <- with_domains()
  folder <- withr::local_tempdir()
  file <- file.path(folder, "groups.csv")
  writeLines("mine", file)
  expect_error(SMARTExport(object, "xenium", file, verbose = FALSE), "overwrite = TRUE")
  expect_identical(readLines(file), "mine")
  SMARTExport(object, "xenium", file, overwrite = TRUE, verbose = FALSE)
  expect_match(readLines(file)[1], "cell_id")
  expect_error(SMARTExport(object, "xenium", file.path(folder, "a.txt"), verbose = FALSE), "\\.csv")
  expect_error(SMARTExport(object, "xenium"), "file")
  expect_error(SMARTExport(object, file = file), "name the viewer")
  expect_error(SMARTExport(object, "xenium", file, group.by = "smart_cluster"), "smart_clusters")
  expect_error(SMARTExport(object, "xenium", file, group.by = "nCount_Spatial"), "quantities")
  expect_error(SMARTExport(object, "xenium", file, names.by = "nothing"), "names.by")
  expect_error(SMARTExport(object, "xenium", file, reduction = "smrt"), "smrt")
  expect_error(SMARTExport(small(), "xenium", file), "FindSMARTClusters")
  none <- file.path(folder, "none.geojson")
  expect_error(SMARTRegions(object, none, pixel.size = 1), "none.geojson")
})
