#' Map of the domains in the tissue
#'
#' Draws the cells where they lie in the tissue, coloured by domain or by a quantity, for
#' SingleCellExperiment, SpatialExperiment, and what [RunSMART()] returns for matrices. Sections are
#' side by side. Seurat objects have `SpatialDimPlot()` and `ImageDimPlot()` of Seurat itself.
#'
#' @details
#' One unit of x is as long as one of y in every section. Points are as wide as cells are apart, so
#' that they nearly touch, and stay so when the figure is resized; on an upright square lattice they
#' are squares. Cells without a value are light grey, and the legend says so. Cells without
#' coordinates are left out with a message. Of three coordinates the first two are drawn.
#'
#' Up to 24 domains get colours that readers with colour-blindness can tell apart, too. The fill is
#' a scale of ggplot2, which `+ ggplot2::scale_fill_manual()` replaces.
#'
#' @param object A SingleCellExperiment, a SpatialExperiment, or the result of [RunSMART()] for
#'   matrices.
#' @param group.by What to colour cells by: a column of the `colData()`; what a modality contributes
#'   (see [SMARTContributionPlot()]), as in `"smart.contribution.rna"`; or one value for each cell.
#'   Numbers are quantities; all else are categories. `NULL`: the clusters.
#' @param features Instead of `group.by`: the name of one gene, protein or peak of the object.
#' @param section.by Column of the `colData()` with the section of each cell. `NULL`: the sections
#'   that `RunSMART()` was given, or the `sample_id` of a SpatialExperiment.
#' @param coords,coord.cols Coordinates as in [RunSMART()], where they are not those of the object.
#' @param layer Assay with the values of `features`. `NULL`: `"logcounts"`, or else `"counts"`.
#' @param reduction Name of the result of `RunSMART()`. `NULL`: the default, `"SMART"`.
#' @param cols Colours. For categories in the order of the legend, or named by category; for
#'   quantities two or more, from low to high.
#' @param pt.size Width of a point, as a multiple of the distance between neighbouring cells.
#'   `NULL`: 1, and 0.6 on an image.
#' @param alpha Opacity of the points, from 0 to 1.
#' @param image Whether to draw the image of the tissue below, where the object has one
#'   (`imgData()` of a SpatialExperiment); or the `image_id` of the one to draw.
#' @param image.alpha Opacity of the image, from 0 to 1.
#' @param flip.y `TRUE`: y points down, as in images. `FALSE`: y points up, as in other plots.
#' @param scales `"fixed"`: all sections on one scale, so that a section of twice the size is drawn
#'   twice as large. `"free"`: each fills its panel, for sections of very different extents or
#'   units.
#' @param ncol Number of sections in a row.
#'
#' @return A ggplot.
#' @seealso [RunSMART()], [SMARTMerge()]
#' @concept visualization
#' @export
#' @examples
#' # It needs Python and the core: see install_smartcore().
#' if (requireNamespace("ggplot2", quietly = TRUE) && has_smartcore()) {
#'   at <- as.matrix(expand.grid(x = 1:10, y = 1:10))
#'   rownames(at) <- paste0("cell", 1:100)
#'   counts <- matrix(rpois(3000, 2 + 4 * (at[, "x"] > 5)), 30, byrow = TRUE)
#'   dimnames(counts) <- list(paste0("gene", 1:30), rownames(at))
#'   result <- RunSMART(list(rna = counts), coords = at, n.clusters = 2, epochs = 30)
#'   SMARTSpatialPlot(result)
#'   SMARTSpatialPlot(result, group.by = counts["gene1", ])
#' }
#'
#' if (requireNamespace("SingleCellExperiment", quietly = TRUE)) {
#'   sce <- SimulateSMART(n.sections = 2, class = "SingleCellExperiment")
#'   SMARTSpatialPlot(sce, group.by = "domain", section.by = "section")
#'   SMARTSpatialPlot(sce, features = "Protein1", section.by = "section")
#' }
SMARTSpatialPlot <- function(
    object,
    group.by = NULL,
    features = NULL,
    section.by = NULL,
    coords = NULL,
    coord.cols = NULL,
    layer = NULL,
    reduction = NULL,
    cols = NULL,
    pt.size = NULL,
    alpha = 1,
    image = TRUE,
    image.alpha = 1,
    flip.y = TRUE,
    scales = c("fixed", "free"),
    ncol = NULL) {
  fn <- "SMARTSpatialPlot"
  rlang::check_installed("ggplot2", "to plot.")
  refuse_seurat(object, group.by, features, fn)
  scales <- rlang::arg_match(scales)
  check_flag(flip.y, "flip.y", fn)
  check_share(alpha, "alpha", fn)
  check_share(image.alpha, "image.alpha", fn)
  if (!is.null(pt.size) && !(is_number(pt.size) && pt.size > 0)) {
    smart_abort("{.arg pt.size} must be one number above 0, not {.val {pt.size}}.", fn = fn)
  }
  if (!rlang::is_string(image)) check_flag(image, "image", fn)
  if (!is.null(group.by) && !is.null(features)) {
    smart_abort("Give either {.arg group.by} or {.arg features}, not both.", fn = fn)
  }
  map <- as_ours(fn, map_data(object, section.by, coords, coord.cols, reduction, fn))
  shown <- if (is.null(features)) {
    map_groups(object, group.by, map, reduction, fn)
  } else {
    map_feature(object, features, layer, fn)
  }
  data <- data.frame(
    x = map$coords[, 1], y = map$coords[, 2], section = map$section, value = shown$value
  )
  drawn <- is.finite(data$x) & is.finite(data$y) & !is.na(data$section)
  if (!any(drawn)) smart_abort("No cell has coordinates and a section.", fn = fn)
  if (!all(drawn)) {
    smart_inform(c("i" = "{sum(!drawn)} of {length(drawn)} cells {?has/have} no coordinates or no
                          section, and {?is/are} not drawn."))
  }
  if (ncol(map$coords) > 2) {
    smart_inform(c("i" = "The first two of {ncol(map$coords)} coordinates are drawn."))
  }
  data <- data[drawn, ]
  data$section <- droplevels(data$section)
  fill <- map_fill(data$value, cols, shown$title, fn)
  data$value <- fill$value
  pictures <- map_pictures(object, levels(data$section), image, fn)
  draw_map(
    data, fill$scale, pictures, pt.size %||% if (length(pictures)) 0.6 else 1, alpha, image.alpha,
    flip.y, scales, ncol,
    caption = c(
      fill$caption,
      if (ncol(map$coords) > 2) paste("The first two of", ncol(map$coords), "coordinates.")
    )
  )
}

# Seurat's own plots draw Seurat objects: the call that does.
refuse_seurat <- function(object, group.by, features, fn) {
  if (!inherits(object, "Seurat")) {
    return(invisible())
  }
  group.by <- if (rlang::is_string(group.by)) group.by else "smart_clusters"
  images <- SeuratObject::Images(object)
  of_cells <- vapply(images, function(image) {
    inherits(object[[image]], "FOV") && !inherits(object[[image]], "VisiumV2")
  }, NA)
  number <- group.by %in% names(object[[]]) && is.numeric(object[[group.by, drop = TRUE]])
  if (number) features <- group.by
  plot <- if (length(images) && all(of_cells)) "Image" else "Spatial"
  call <- if (is.null(features)) {
    sprintf("Seurat::%sDimPlot(object, group.by = \"%s\")", plot, group.by)
  } else {
    sprintf("Seurat::%sFeaturePlot(object, features = \"%s\")", plot, features[1])
  }
  other <- sprintf(
    paste0(
      "SMARTSpatialPlot(Seurat::as.SingleCellExperiment(object), %s = \"%s\", ",
      "coord.cols = c(\"x\", \"y\"))"
    ),
    if (is.null(features) || number) "group.by" else "features", features[1] %||% group.by
  )
  smart_abort(c(
    "Seurat draws its objects itself.",
    "i" = if (length(images)) "{.code {call}}",
    "i" = if (!length(images)) "This one has no images. With coordinates in its metadata:
                                {.code {other}}"
  ), fn = fn)
}

check_share <- function(x, what, fn) {
  if (!is_number(x) || x < 0 || x > 1) {
    smart_abort("{.arg {what}} must be one number from 0 to 1, not {.val {x}}.", fn = fn)
  }
}
