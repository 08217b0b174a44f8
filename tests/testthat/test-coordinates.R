skip_if_not_installed("Seurat")

test_that("the two axes of a Visium image come in units of the full resolution", {
  object <- SimulateSMART(n.rows = 6, n.cols = 5)
  truth <- lattice(6, 5, "slice1")
  found <- place_cells(places_seurat(object, verbose = FALSE), colnames(object))
  expect_null(found$sections)
  expect_equal(rownames(found$coords), colnames(object))
  # Seurat 5 calls rows of pixels x in some of its versions: distances are what matters.
  expect_equal(as.vector(dist(found$coords)), as.vector(dist(truth[c("x", "y")])))
  image <- object[["slice1"]]
  expect_s4_class(image, if (seurat_5()) "VisiumV2" else "VisiumV1")
})

test_that("VisiumV1 is read by the names of its columns", {
  places <- small_places()
  image <- methods::new(
    "VisiumV1",
    image = array(1, c(2, 2, 3)),
    scale.factors = Seurat::scalefactors(1, 1, 0.5, 0.1),
    coordinates = data.frame(
      tissue = 1, row = 5, col = 6, imagerow = places$y, imagecol = places$x,
      row.names = rownames(places)
    ),
    spot.radius = 0.1, assay = "RNA", key = "slice_"
  )
  object <- small_seurat()
  object <- add_image(object, "slice", image)
  expect_places(places_seurat(object, verbose = FALSE)$coords, places)
})

test_that("centroids of a field of view are used, whatever its default boundary", {
  places <- small_places()
  object <- small_seurat()
  object <- add_image(object, "fov", small_field(places, outlines = TRUE))
  suppressWarnings(SeuratObject::DefaultBoundary(object[["fov"]]) <- "segmentation")
  expect_places(places_seurat(object, verbose = FALSE)$coords, places)
})

test_that("outlines alone give their centres", {
  places <- small_places()
  object <- small_seurat()
  object <- add_image(object, "fov", small_field(places, centroids = FALSE, outlines = TRUE))
  found <- places_seurat(object, verbose = FALSE)$coords
  expect_places(found, places)
  expect_equal(nrow(found), 12)
})

test_that("several rows of a cell give their mean", {
  rows <- data.frame(x = c(0, 2, 4, 9), y = c(0, 0, 3, 1), cell = c("b", "b", "b", "a"))
  expect_equal(tidy_coordinates(rows), rbind(b = c(x = 2, y = 1), a = c(x = 9, y = 1)))
})

test_that("SlideSeq and STARmap images are read", {
  places <- small_places()
  object <- small_seurat()
  object[["beads"]] <- methods::new("SlideSeq", coordinates = places, assay = "RNA", key = "beads_")
  expect_places(places_seurat(object, verbose = FALSE)$coords, places)

  object <- small_seurat()
  odd <- stats::setNames(places, c("anything", "else."))
  object[["map"]] <- methods::new(
    "STARmap",
    coordinates = odd, qhulls = data.frame(), assay = "RNA", key = "map_"
  )
  expect_places(places_seurat(object, verbose = FALSE)$coords, places)
})

test_that("several images are several sections, in the order of the cells", {
  object <- SimulateSMART(n.rows = 4, n.cols = 4, n.sections = 2)
  found <- place_cells(places_seurat(object, verbose = FALSE), rev(colnames(object)))
  expect_equal(rownames(found$coords), rev(colnames(object)))
  expect_equal(found$sections, stats::setNames(rev(object$section), rev(colnames(object))))
  one <- place_cells(places_seurat(object, verbose = FALSE), colnames(object)[1:16])
  expect_null(one$sections)
  local_fake_core()
  expect_message(RunSMART(object), "images slice1, slice2")
})

test_that("crops are left out, whichever comes first", {
  places <- small_places()
  for (crop_first in c(TRUE, FALSE)) {
    object <- small_seurat()
    images <- list(
      whole = small_field(places, key = "whole_"), zoom = small_field(places[3:6, ], key = "zoom_")
    )
    for (name in if (crop_first) c("zoom", "whole") else names(images)) {
      object <- add_image(object, name, images[[name]])
    }
    expect_message(found <- places_seurat(object), "Left out \"zoom\"")
    expect_places(found$coords, places)
    expect_equal(unique(unname(found$sections)), "whole")
  }
  expect_equal(find_crops(list(a = c("x", "y"), b = c("x", "y"))), "b")
  expect_equal(find_crops(list(a = "x", b = c("x", "y"), c = "z", d = "y")), c("a", "d"))
})

test_that("images that share cells otherwise are an error", {
  places <- small_places()
  object <- small_seurat()
  object <- add_image(object, "one", small_field(places[1:8, ], key = "one_"))
  object <- add_image(object, "two", small_field(places[6:12, ], key = "two_"))
  expect_snapshot(error_message(RunSMART(object)))
})

test_that("coordinates come from what is given, columns, images, columns by name", {
  places <- small_places()
  object <- small_seurat()
  object$x <- places$x + 1000
  object$y <- places$y + 1000
  object$a <- places$x + 2000
  object$b <- places$y + 2000
  given <- as.matrix(places + 3000)
  found <- places_seurat(object)
  expect_equal(found$source, "metadata columns x, y")
  expect_places(found$coords, places + 1000)
  object <- add_image(object, "fov", small_field(places))
  found <- places_seurat(object)
  expect_equal(found$source, "image fov")
  expect_places(found$coords, places)
  found <- places_seurat(object, coord.cols = c("a", "b"))
  expect_equal(found$source, "metadata columns a, b")
  expect_places(found$coords, places + 2000)
  found <- places_seurat(object, coords = given, coord.cols = c("a", "b"))
  expect_equal(found$source, "the argument coords")
  expect_places(found$coords, given)
})

test_that("columns with the usual names are found, those of an array are not", {
  object <- small_seurat()
  object$array_row <- 1:12
  object$array_col <- 1:12
  expect_error(places_seurat(object), "no coordinates")
  object$CenterX_global_px <- 12:1
  object$CenterY_global_px <- 1:12
  found <- places_seurat(object, verbose = FALSE)
  expect_equal(unname(found$coords), cbind(12:1, 1:12))
})

test_that("given coordinates may have any order, a column of cells, or no names", {
  places <- small_places()
  cells <- rownames(places)
  by_name <- as.matrix(places)[12:1, ]
  expect_places(given_coords(by_name, cells), places)
  expect_places(given_coords(unname(as.matrix(places)), cells), places)
  expect_places(given_coords(cbind(as.matrix(places), z = 7), cells), cbind(places, z = 7))
  expect_places(given_coords(places[12:1, ], cells), places)
  with_column <- data.frame(y = places$y, x = places$x, cell = cells)
  expect_places(given_coords(with_column, cells), places)
  no_names <- data.frame(places, row.names = NULL)
  expect_places(given_coords(no_names, cells), places)
})

test_that("bad coordinates are errors that say what was found", {
  local_fake_core()
  object <- small_seurat()
  object$batch <- rep(c("a", NA), 6)
  object$size <- 1:12
  xy <- as.matrix(small_places())
  run <- function(...) RunSMART(object, ..., verbose = FALSE)
  expect_snapshot({
    error_message(run())
    error_message(run(coords = "x"))
    error_message(run(coords = unname(xy[1:5, ])))
    error_message(run(coords = xy[, 1, drop = FALSE]))
    error_message(run(coords = xy[c(1, 1:12), ]))
    error_message(run(coords = xy[1:10, ]))
    error_message(run(coords = `rownames<-`(xy, paste0("spot", 1:12))))
    error_message(run(coords = replace(xy, 5, NA)))
    error_message(run(coord.cols = "size"))
    error_message(run(coord.cols = c("size", "no")))
    error_message(run(coord.cols = c("size", "batch")))
    error_message(run(coords = xy, section.by = "slide"))
    error_message(run(coords = xy, section.by = "batch"))
  })
})

test_that("section.by overrides images", {
  object <- SimulateSMART(n.rows = 4, n.cols = 4, n.sections = 2)
  object$slide <- rep(c("p", "q"), each = 8, times = 2)
  suppressWarnings(found <- places_seurat(object, section.by = "slide", verbose = FALSE))
  expect_equal(found$sections, stats::setNames(object$slide, colnames(object)))
  # The lattices of the two images lie on one another.
  expect_warning(places_seurat(object, section.by = "slide", verbose = FALSE), "overlap")
  expect_warning(places_seurat(object, section.by = "section", verbose = FALSE), NA)
})

test_that("images apart from one another may share a section", {
  places <- small_places()
  object <- small_seurat()
  object <- add_image(object, "one", small_field(places[1:6, ], key = "one_"))
  object <- add_image(object, "two", small_field(places[7:12, ], key = "two_"))
  object$slide <- "s"
  expect_warning(found <- places_seurat(object, section.by = "slide", verbose = FALSE), NA)
  expect_null(place_cells(found, colnames(object))$sections)
  expect_places(found$coords, places)
})

test_that("several images beside given coordinates are spoken of", {
  object <- SimulateSMART(n.rows = 4, n.cols = 4, n.sections = 2)
  xy <- matrix(runif(64), 32, dimnames = list(colnames(object), NULL))
  expect_message(found <- places_seurat(object, coords = xy), "taken as one section")
  expect_null(found$sections)
})

test_that("cells of images that are no longer in the object do not matter", {
  object <- SimulateSMART(n.rows = 6, n.cols = 6, n.sections = 2)
  kept <- colnames(object)[object$section == "slice1"][1:20]
  part <- suppressWarnings(subset(object, cells = kept))
  found <- places_seurat(part, verbose = FALSE)
  found <- place_cells(found, colnames(part))
  expect_equal(rownames(found$coords), colnames(part))
  expect_null(found$sections)
})

test_that("a reduction called spatial holds the coordinates of what was an .h5ad file", {
  places <- as.matrix(small_places())
  object <- small_seurat()
  object[["spatial"]] <- SeuratObject::CreateDimReducObject(
    `colnames<-`(places, c("spatial_1", "spatial_2")),
    key = "spatial_", assay = "RNA"
  )
  found <- places_seurat(object, verbose = FALSE)
  expect_places(found$coords, places)
  expect_equal(found$source, "reduction spatial")
  wide <- cbind(places, places, places)
  colnames(wide) <- paste0("spatial_", 1:6)
  object[["spatial"]] <- NULL
  object[["spatial"]] <- SeuratObject::CreateDimReducObject(wide, key = "spatial_", assay = "RNA")
  expect_error(places_seurat(object, verbose = FALSE), "should hold coordinates, but has 6 dimensions")

  skip_if_not_installed("SingleCellExperiment")
  for (name in c("spatial", "X_spatial")) {
    sce <- SingleCellExperiment::SingleCellExperiment(list(counts = small_counts()))
    SingleCellExperiment::reducedDim(sce, name) <- unname(places)
    # Columns with usual names are less to be trusted.
    sce$x <- sce$y <- 1:12
    expect_places(places_sce(sce, colnames(sce))$coords, places)
  }
})
