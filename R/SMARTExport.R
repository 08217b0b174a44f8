#' Domains in the files of other viewers
#'
#' `SMARTExport()` writes the domains of cells or spots, their colours, and how sure they are, in
#' the files that Xenium Explorer, Loupe Browser, QuPath, napari and Vitessce open.
#' `SMARTRegions()` reads regions that were drawn in QuPath, as labels of the cells.
#'
#' @details
#' What each viewer gets:
#'
#' * `"xenium"`: a table of cell groups, with columns `cell_id`, `group` and `color`.
#' * `"loupe"`: a table with a category for the barcodes; and one with the UMAP, if the object has a
#'   reduction of such a name.
#' * `"qupath"`: GeoJSON with an annotation for each domain, in pixels of the full-resolution image.
#' * `"napari"`: a points layer, with domain and confidence as features.
#' * `"vitessce"`: a folder with a view config, the data, and `serve.py`: run it by Python, and open
#'   the address that it prints.
#'
#' Confidence is the probability of the most probable domain, see [SMARTMemberships()]. Xenium
#' Explorer and Loupe Browser show groups alone, so a second table (`..._confidence.csv`) has bands
#' of it. Where the domains have no fitted model, confidence is left out.
#'
#' Several sections each get a file of their own, with the name of the section in the name of the
#' file. What merging put before or after the barcodes is taken off: the name of the section and an
#' underscore in front, or an underscore and a number at the end, where all cells of a section have
#' the same.
#'
#' QuPath's outlines are made of the area around each cell that is nearer to it than to any other.
#' They are no segmentation of cells. QuPath needs the Python package shapely, and Vitessce needs
#' zarr: `reticulate::py_install(c("shapely", "zarr"))`.
#'
#' @param object A Seurat object, SingleCellExperiment or SpatialExperiment with domains; or what
#'   [RunSMART()] gives for matrices.
#' @param to The viewer, see Details.
#' @param file Where to write: a file that ends in `.csv`, for QuPath in `.geojson`; for Vitessce a
#'   folder. `SMARTRegions()`: the GeoJSON file that QuPath exported.
#' @param group.by Column of the metadata with the domains, of any names. `NULL`: the clusters that
#'   were found last with the reduction.
#' @param section.by Column of the metadata with the section of each cell. `NULL`: the images of a
#'   Seurat object, the `sample_id` of a SpatialExperiment, or one section.
#' @param coords,coord.cols Coordinates as in [RunSMART()], where they are not those of the object.
#' @param reduction Name of the result of `RunSMART()`. `NULL`: the default, `"smart"` for Seurat
#'   and `"SMART"` for Bioconductor.
#' @param names.by Column of the metadata with the barcodes or cell ids as the machine wrote them.
#'   `NULL`: the names of the cells.
#' @param cols Colours, in the order of the levels or named by them. `NULL`: those of the package's
#'   own maps.
#' @param pixel.size Length of a pixel of the full-resolution image in the unit of the coordinates:
#'   micrometres per pixel where these are in micrometres (0.2125 for Xenium), 1 where they are
#'   pixels. `NULL`: 1 for Visium, whose coordinates are pixels. QuPath needs it for all others.
#' @param spots For QuPath, whether to write each cell, too, with its confidence as a measurement.
#' @param port For Vitessce, the port of this computer at which the folder will be served.
#' @param overwrite Whether files that are there may be replaced. Tables of an earlier export,
#'   such as that of confidence, are then removed where the new one has none.
#' @param overlap What becomes of a cell in regions of two labels: `"error"`, or `"smallest"`, the
#'   label of the smaller region, for regions drawn within others.
#' @param verbose Whether to say what was written.
#'
#' @return `SMARTExport()`: the paths of the files or folders that were written, invisibly.
#'   `SMARTRegions()`: a factor with the label of each cell, named by the cells, `NA` for cells in
#'   no region. The label of a region is its class in QuPath or, where it has none, its name.
#' @seealso [SMARTSpatialPlot()], [SMARTMemberships()]
#' @concept visualization
#' @export
#' @examples
#' if (requireNamespace("Seurat", quietly = TRUE) && has_smartcore()) {
#'   object <- RunSMART(SimulateSMART(), n.clusters = 4)
#'   groups <- tempfile(fileext = ".csv")
#'   SMARTExport(object, "xenium", groups)
#'   head(read.csv(groups))
#' }
SMARTExport <- function(
    object,
    to = c("xenium", "loupe", "qupath", "napari", "vitessce"),
    file,
    group.by = NULL,
    section.by = NULL,
    coords = NULL,
    coord.cols = NULL,
    reduction = NULL,
    names.by = NULL,
    cols = NULL,
    pixel.size = NULL,
    spots = FALSE,
    port = 8000,
    overwrite = FALSE,
    verbose = TRUE) {
  fn <- "SMARTExport"
  if (missing(to)) smart_abort("{.arg to} is missing: name the viewer.", fn = fn)
  to <- rlang::arg_match(to)
  if (missing(file)) smart_abort("{.arg file} is missing: say where to write.", fn = fn)
  check_name(file, "file", fn)
  for (flag in c("spots", "overwrite", "verbose")) check_flag(get(flag), flag, fn)
  check_pixel_size(pixel.size, fn)
  if (!is_number(port) || port < 1 || port > 65535 || port != round(port)) {
    smart_abort("{.arg port} must be a whole number from 1 to 65535, not {.val {port}}.", fn = fn)
  }
  own <- as_ours(fn, spots_of(
    object, group.by, section.by, coords, coord.cols, reduction, names.by, fn,
    placed = !to %in% c("xenium", "loupe")
  ))
  cols <- export_colours(cols, levels(own$groups), fn)
  features <- if (to == "vitessce") viewer_features(object, own$record, own$cells)
  core <- core(fn, verbose)
  relay <- new_relay(verbose, fn)
  on.exit(relay$tell_warnings())
  if (verbose) smart_inform(c("i" = "Writing {length(own$cells)} cells for {to} \u2026"))
  paths <- call_core(fn, core$export(
    to, path.expand(file), as.array(own$names), as.array(python_codes(own$groups)),
    as.list(levels(own$groups)),
    column = own$column, colors = cols, confidence = own$confidence, coords = own$coords,
    sections = if (!is.null(own$sections)) as.array(own$sections),
    embeddings = own$embeddings, features = features,
    pixel_size = pixel.size %||% if (own$pixels) 1, spots = spots, port = port,
    overwrite = overwrite, notify = called_by_python(relay$notify)
  ))
  paths <- unlist(reticulate::py_to_r(paths))
  if (verbose) smart_inform(c("v" = "Written: {.file {paths}}."))
  invisible(paths)
}

#' @rdname SMARTExport
#' @export
SMARTRegions <- function(
    object,
    file,
    pixel.size = NULL,
    overlap = c("error", "smallest"),
    section.by = NULL,
    coords = NULL,
    coord.cols = NULL,
    verbose = TRUE) {
  fn <- "SMARTRegions"
  overlap <- rlang::arg_match(overlap)
  if (missing(file)) smart_abort("{.arg file} is missing: the GeoJSON file.", fn = fn)
  check_name(file, "file", fn)
  check_flag(verbose, "verbose", fn)
  check_pixel_size(pixel.size, fn)
  own <- as_ours(fn, viewer_places(object, section.by, coords, coord.cols, NULL, fn, TRUE))
  if (length(unique(own$sections)) > 1) {
    smart_abort(c(
      "The object has sections {.val {unique(own$sections)}}, and the file has regions of one
       image.",
      "i" = "Keep one section: {.code object[, cells]} or {.code subset(object, cells = cells)}."
    ), fn = fn)
  }
  pixel.size <- pixel.size %||% if (own$pixels) 1
  if (is.null(pixel.size)) {
    smart_abort(c(
      "{.arg pixel.size} is missing: regions are in pixels of the image, and nothing tells the unit
       of these coordinates.",
      "i" = "Give micrometres per pixel where coordinates are in micrometres (0.2125 for Xenium), 1
             where they are pixels."
    ), fn = fn)
  }
  core <- core(fn, verbose)
  relay <- new_relay(verbose, fn)
  on.exit(relay$tell_warnings())
  found <- reticulate::py_to_r(call_core(fn, core$regions(
    path.expand(file), own$coords,
    pixel_size = pixel.size, overlap = overlap, notify = called_by_python(relay$notify)
  )))
  labels <- unlist(found$labels)
  factor(stats::setNames(labels[match(as.vector(found$codes), seq_along(labels) - 1L)], own$cells),
    levels = labels
  )
}

# Codes of a factor as Python has them.
python_codes <- function(groups) {
  codes <- as.integer(groups) - 1L
  codes[is.na(codes)] <- -1L
  codes
}

check_pixel_size <- function(x, fn) {
  if (!is.null(x) && !(is_number(x) && x > 0 && is.finite(x))) {
    smart_abort("{.arg pixel.size} must be one number above 0, not {.val {x}}.", fn = fn)
  }
}

# A colour for each level, as "#RRGGBB"; NULL for those of the core.
export_colours <- function(cols, levels, fn) {
  if (is.null(cols)) {
    return(NULL)
  }
  if (!is.null(names(cols))) {
    lacking <- setdiff(levels, names(cols))
    if (length(lacking)) {
      smart_abort("{.arg cols} names no colour for {.val {lacking}}.", fn = fn)
    }
    cols <- cols[levels]
  }
  if (length(cols) < length(levels)) {
    smart_abort("{.arg cols} has {length(cols)} colour{?s} for {length(levels)} domains.", fn = fn)
  }
  made <- tryCatch(
    grDevices::col2rgb(unname(cols)[seq_along(levels)]),
    error = function(e) smart_abort("{.arg cols}: {conditionMessage(e)}.", fn = fn)
  )
  as.list(grDevices::rgb(made[1, ], made[2, ], made[3, ], maxColorValue = 255))
}
