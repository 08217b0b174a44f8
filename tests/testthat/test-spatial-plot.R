skip_if_not_installed("ggplot2")

grid_cells <- function(nx = 6, ny = 4, step = 1) {
  at <- as.matrix(expand.grid(x = seq_len(nx) * step, y = seq_len(ny) * step))
  rownames(at) <- paste0("cell", seq_len(nrow(at)))
  at
}

# The result for matrices that a run of the stand-in core gives.
result_of <- function(at = grid_cells(), ...) {
  local_fake_core()
  RunSMART(
    list(rna = small_counts(rownames(at))),
    coords = at, n.clusters = 3, verbose = FALSE, ...
  )
}

# Layer of spots, as ggplot2 has computed it.
spots <- function(plot) {
  built <- ggplot2::ggplot_build(plot)
  built$data[[length(built$data)]]
}

# Length of a unit of x over that of y, in each panel.
unit_ratio <- function(plot) {
  built <- ggplot2::ggplot_build(plot)
  aspect <- built$plot$theme$aspect.ratio
  vapply(built$layout$panel_params, function(panel) {
    (1 / diff(range(panel$x.range))) / (aspect / diff(range(panel$y.range)))
  }, 1)
}

sce_of <- function(...) SimulateSMART(n.rows = 6, n.cols = 6, class = "SingleCellExperiment", ...)

test_that("a result for matrices keeps its places and sections, and is drawn", {
  at <- grid_cells()
  result <- result_of(at, section.by = rep(c("s2", "s10"), each = 12))
  expect_equal(result$coords, at, ignore_attr = TRUE)
  expect_equal(rownames(result$coords), rownames(at))
  expect_equal(unname(result$section), rep(c("s2", "s10"), each = 12))
  plot <- SMARTSpatialPlot(result)
  expect_equal(levels(plot$data$section), c("s2", "s10"))
  expect_equal(plot$data$x, unname(at[, "x"]))
  expect_equal(plot$data$value, unname(result$clusters))
  expect_equal(spots(plot)$fill, map_palette[as.integer(result$clusters)])
  expect_null(result_of()$section)
})

test_that("a unit of x is one of y, in every section, and y points down", {
  at <- rbind(grid_cells(6, 4), 500 + grid_cells(3, 9, step = 100))
  rownames(at) <- paste0("cell", seq_len(nrow(at)))
  result <- result_of(at, section.by = rep(c("a", "b"), c(24, 27)))
  for (scales in c("fixed", "free")) {
    plot <- SMARTSpatialPlot(result, scales = scales)
    expect_equal(unit_ratio(plot), c(1, 1))
    panels <- ggplot2::ggplot_build(plot)$layout$panel_params
    width <- vapply(panels, function(panel) diff(range(panel$x.range)), 1)
    # Sections are on one scale, or each on its own.
    if (scales == "fixed") expect_equal(width[1], width[2]) else expect_gt(width[2], 20 * width[1])
    built <- ggplot2::ggplot_build(plot)$data
    drawn <- built[[length(built)]]
    expect_equal(drawn$y, -at[, "y"], ignore_attr = TRUE)
  }
  up <- SMARTSpatialPlot(result, flip.y = FALSE)
  expect_equal(spots(up)$y, at[, "y"], ignore_attr = TRUE)
})

test_that("points are as wide as cells are apart", {
  squares <- spot_layout(rep(1:20, 20) * 7, rep(1:20, each = 20) * 7)
  expect_equal(squares, list(width = 7, square = TRUE))
  hexagons <- lattice(20, 20, "s")
  expect_equal(spot_layout(hexagons$x, hexagons$y), list(width = 100, square = FALSE))
  withr::local_seed(1)
  x <- runif(400, 0, 50)
  y <- runif(400, 0, 20)
  d <- as.matrix(dist(cbind(x, y)))
  fourth <- apply(d, 1, function(row) sort(row)[5])
  quartile <- quantile(fourth, 0.25, names = FALSE)
  expect_equal(spot_layout(x, y), list(width = quartile, square = FALSE))
  # Cells at one place count once.
  expect_equal(spot_layout(c(x, x), c(y, y)), spot_layout(x, y))
  expect_equal(spot_layout(1, 1)$width, 1)
  expect_true(is.finite(spot_layout(c(1, 2), c(1, 1))$width))

  plot <- SMARTSpatialPlot(result_of(grid_cells(step = 50)))
  expect_equal(unique(plot$data$width), 51)
  half <- SMARTSpatialPlot(result_of(grid_cells(step = 50)), pt.size = 0.5)
  expect_equal(unique(half$data$width), 25)
})

test_that("spots have their width on the device", {
  at <- grid_cells(10, 5, step = 3)
  plot <- SMARTSpatialPlot(result_of(at), pt.size = 0.5) + ggplot2::theme(legend.position = "none")
  path <- withr::local_tempfile(fileext = ".pdf")
  grDevices::pdf(path, width = 8, height = 3)
  withr::defer(grDevices::dev.off())
  grob <- ggplot2::layer_grob(plot, 2)[[1]]
  expect_s3_class(grob, "rect")
  range <- ggplot2::ggplot_build(plot)$layout$panel_params[[1]]
  expect_equal(as.numeric(grob$width), rep(1.5 / diff(range$x.range), 50))
  expect_equal(as.numeric(grob$height), rep(1.5 / diff(range$y.range), 50))
  print(plot)
})

test_that("colours are those of Python", {
  skip_without_core()
  there <- reticulate::import("smartcore.pl._colors")
  expect_identical(map_palette, unlist(there$PALETTE))
  expect_identical(map_missing, there$MISSING)
})

test_that("categories are in natural order, each with a colour of its own", {
  at <- grid_cells(10, 10)
  result <- result_of(at)
  plot <- SMARTSpatialPlot(result, group.by = paste("domain", rep(1:20, 5)))
  expect_equal(levels(plot$data$value), paste("domain", 1:20))
  expect_equal(length(unique(spots(plot)$fill)), 20)
  many <- spots(SMARTSpatialPlot(result, group.by = paste("domain", 1:100)))
  expect_equal(length(unique(many$fill)), 100)
  logical <- SMARTSpatialPlot(result, group.by = rep(c(TRUE, FALSE), 50))
  expect_equal(levels(logical$data$value), c("FALSE", "TRUE"))
  own <- SMARTSpatialPlot(result, cols = c("2" = "red", "0" = "blue", "1" = "green"))
  expect_equal(
    spots(own)$fill, c("blue", "green", "red")[as.integer(result$clusters)]
  )
  # Values named by cell go by their names.
  values <- stats::setNames(seq_len(100), rev(rownames(at)))
  expect_equal(SMARTSpatialPlot(result, group.by = values)$data$value, 100:1)
})

test_that("cells without a value are grey, and the legend says so", {
  result <- result_of()
  value <- factor(rep(c("a", "b", NA), 8))
  plot <- SMARTSpatialPlot(result, group.by = value)
  expect_equal(spots(plot)$fill[3], map_missing)
  legend <- ggplot2::ggplot_build(plot)$plot$scales$get_scales("fill")
  expect_equal(legend$get_limits(), c("a", "b", "missing"))
  plot <- SMARTSpatialPlot(result, group.by = c(NA, 2:24))
  expect_equal(spots(plot)$fill[1], map_missing)
  expect_match(plot$labels$caption, "Grey: no value")
  expect_s3_class(
    ggplot2::ggplot_build(plot)$plot$scales$get_scales("fill"), "ScaleContinuous"
  )
})

test_that("contributions are quantities", {
  result <- result_of()
  result$contributions[, "rna"] <- seq_len(24) / 24
  plot <- SMARTSpatialPlot(result, group.by = "smart.contribution.rna")
  expect_equal(plot$data$value, seq_len(24) / 24)
  expect_equal(plot$scales$get_scales("fill")$name, "Contribution of rna")
  draw <- function(group.by, cols) SMARTSpatialPlot(result, group.by = group.by, cols = cols)
  expect_error(draw("smart.contribution.rna", c("red", "blu")), "two colours or more")
  levels <- levels(result$clusters)
  expect_error(
    draw("clusters", c("blu", rep("red", length(levels) - 1))), "\"blu\" is none"
  )
})

test_that("of three coordinates the first two are drawn, which is said", {
  at <- cbind(grid_cells(), z = 5)
  result <- result_of(at)
  expect_message(plot <- SMARTSpatialPlot(result), "first two of 3 coordinates")
  expect_match(plot$labels$caption, "first two of 3 coordinates")
  expect_equal(plot$data$y, unname(at[, "y"]))
})

test_that("columns and features of a SingleCellExperiment are drawn", {
  skip_if_not_installed("SingleCellExperiment")
  sce <- sce_of(n.sections = 2)
  plot <- SMARTSpatialPlot(sce, group.by = "domain", section.by = "section")
  expect_equal(plot$data$x, sce$x)
  expect_equal(plot$data$value, sce$domain)
  expect_equal(as.character(plot$data$section), sce$section)
  gene <- SMARTSpatialPlot(sce, features = "Gene7", section.by = "section")
  expect_equal(gene$data$value, unname(SummarizedExperiment::assay(sce)["Gene7", ]))
  protein <- SMARTSpatialPlot(sce, features = "Protein3", section.by = "section")
  adt <- SummarizedExperiment::assay(SingleCellExperiment::altExp(sce, "ADT"))
  expect_equal(protein$data$value, unname(adt["Protein3", ]))
  SummarizedExperiment::assay(sce, "logcounts") <- log1p(SummarizedExperiment::assay(sce))
  logs <- SMARTSpatialPlot(sce, features = "Gene7", section.by = "section")
  expect_equal(logs$data$value, log1p(gene$data$value))
  counts <- SMARTSpatialPlot(sce, features = "Gene7", section.by = "section", layer = "counts")
  expect_equal(counts$data$value, gene$data$value)

  # The sections of a run are found again, and cells without a place are told of.
  local_fake_core()
  result <- RunSMART(sce, section.by = "section", n.clusters = 3, verbose = FALSE)
  expect_equal(levels(SMARTSpatialPlot(result)$data$section), c("slice1", "slice2"))
  result$section <- NULL
  expect_snapshot(error_message(SMARTSpatialPlot(result)))
  xy <- cbind(sce$x, sce$y)
  rownames(xy) <- colnames(sce)
  expect_message(
    part <- SMARTSpatialPlot(sce, group.by = "domain", coords = xy[-(1:5), ]),
    "5 of 72 cells have no"
  )
  expect_equal(nrow(part$data), 67)
})

test_that("a SpatialExperiment is drawn on its images", {
  skip_if_not_installed("SpatialExperiment")
  spe <- SimulateSMART(n.rows = 6, n.cols = 6, n.sections = 2, class = "SpatialExperiment")
  plot <- SMARTSpatialPlot(spe, group.by = "domain")
  expect_equal(as.character(plot$data$section), spe$sample_id)
  expect_equal(unique(plot$data$width), 100)
  # A picture of 80 x 60 pixels, 0.1 pixel for each unit: black but for its upper left quarter.
  grey <- matrix(0, 60, 80)
  grey[1:30, 1:40] <- 1
  SpatialExperiment::imgData(spe) <- S4Vectors::DataFrame(
    sample_id = "slice2", image_id = "low",
    data = I(list(SpatialExperiment::SpatialImage(grDevices::as.raster(grey)))), scaleFactor = 0.1
  )
  on_image <- SMARTSpatialPlot(spe, group.by = "domain")
  expect_equal(unique(on_image$data$width), 60)
  expect_length(on_image$layers, 3)
  expect_length(SMARTSpatialPlot(spe, group.by = "domain", image = FALSE)$layers, 2)
  expect_length(SMARTSpatialPlot(spe[, spe$sample_id == "slice1"], group.by = "domain")$layers, 2)
  for (flip in c(TRUE, FALSE)) {
    plot <- SMARTSpatialPlot(spe, group.by = "domain", flip.y = flip)
    drawn <- ggplot2::layer_grob(plot, 2)
    image <- Filter(function(x) inherits(x, "rastergrob"), drawn)[[1]]
    data <- ggplot2::ggplot_build(plot)$data[[2]]
    panel <- ggplot2::ggplot_build(plot)$layout$panel_params[[2]]
    # Where the picture's middle, at (400, 300), is on the panel, its four quarters meet.
    middle <- c(400, if (flip) -300 else 300)
    extent <- c(diff(panel$x.range), diff(panel$y.range))
    at <- (middle - c(panel$x.range[1], panel$y.range[1])) / extent
    raster <- as.matrix(image$raster) == "#FFFFFF"
    white <- c(sum(colSums(raster) > 0) / ncol(raster), sum(rowSums(raster) > 0) / nrow(raster))
    left <- as.numeric(image$x) - as.numeric(image$width) / 2
    bottom <- as.numeric(image$y) - as.numeric(image$height) / 2
    expect_equal(left + white[1] * as.numeric(image$width), at[1])
    height <- as.numeric(image$height)
    edge <- if (flip) bottom + (1 - white[2]) * height else bottom + white[2] * height
    expect_equal(edge, at[2])
    # The white quarter is where y is small.
    expect_equal(raster[1, 1], flip)
  }
  expect_snapshot(error_message(SMARTSpatialPlot(spe, group.by = "domain", image = "hires")))
})

test_that("Seurat objects are for Seurat", {
  skip_if_not_installed("Seurat")
  object <- SimulateSMART(n.rows = 4, n.cols = 4)
  plain <- object
  plain[["slice1"]] <- NULL
  field <- small_seurat()
  field <- add_image(field, "fov", small_field(small_places()))
  expect_snapshot({
    error_message(SMARTSpatialPlot(object))
    error_message(SMARTSpatialPlot(object, "nCount_ADT"))
    error_message(SMARTSpatialPlot(object, features = "Gene1"))
    error_message(SMARTSpatialPlot(field, "orig.ident"))
    error_message(SMARTSpatialPlot(plain, "domain"))
  })
  # The call that is named for objects without images works.
  skip_if_not_installed("SingleCellExperiment")
  places <- image_coordinates(object[["slice1"]])
  plain$x <- places[colnames(plain), 1]
  plain$y <- places[colnames(plain), 2]
  sce <- suppressWarnings(Seurat::as.SingleCellExperiment(plain))
  plot <- SMARTSpatialPlot(sce, group.by = "domain", coord.cols = c("x", "y"))
  expect_equal(plot$data$value, unname(object$domain))
})

test_that("what cannot be drawn is said", {
  skip_if_not_installed("SingleCellExperiment")
  result <- result_of()
  sce <- sce_of()
  nowhere <- sce
  nowhere$x <- nowhere$y <- NULL
  expect_snapshot({
    error_message(SMARTSpatialPlot(1))
    error_message(SMARTSpatialPlot(small_counts()))
    error_message(SMARTSpatialPlot(sce))
    error_message(SMARTSpatialPlot(sce, "nothing"))
    error_message(SMARTSpatialPlot(sce, features = "Gene999"))
    error_message(SMARTSpatialPlot(sce, features = "Gene1", layer = "logcounts"))
    error_message(SMARTSpatialPlot(sce, "domain", features = "Gene1"))
    error_message(SMARTSpatialPlot(sce, "domain", section.by = "slide"))
    error_message(SMARTSpatialPlot(sce, "domain", cols = c("red", "blue")))
    error_message(SMARTSpatialPlot(sce, "x", cols = "red"))
    error_message(SMARTSpatialPlot(nowhere, "domain"))
    error_message(SMARTSpatialPlot(result, features = "G1"))
    error_message(SMARTSpatialPlot(result, coord.cols = c("x", "y")))
    error_message(SMARTSpatialPlot(result, pt.size = 0))
    error_message(SMARTSpatialPlot(result, alpha = 2))
    error_message(SMARTSpatialPlot(result, image = 3))
  })
})
