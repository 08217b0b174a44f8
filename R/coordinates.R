# Where the cells are, and in which section and batch.

# Metadata columns that are taken for coordinates where nothing better is there;
# compared in lower case. Rows and columns of an array are not among them: those of a
# hexagonal lattice are not to scale.
coordinate_columns <- list(
  c("x", "y"),
  c("imagecol", "imagerow"),
  c("pxl_col_in_fullres", "pxl_row_in_fullres"),
  c("x_centroid", "y_centroid"),
  c("centerx_global_px", "centery_global_px"),
  c("center_x", "center_y"),
  c("x_location", "y_location"),
  c("coord_x", "coord_y"),
  c("x_coord", "y_coord"),
  c("xcoord", "ycoord"),
  c("spatial_x", "spatial_y"),
  c("spatial_1", "spatial_2"),
  c("sdimx", "sdimy")
)

# Places of the cells of a Seurat object, as far as they are known: `coords`, numeric
# cells x 2|3 with rownames; `sections` and `batches`, named character or NULL; `source`, in words;
# `by_image`, the image of each cell where they come from images.
places_seurat <- function(object, coords = NULL, coord.cols = NULL, section.by = NULL,
                          batch.by = NULL, verbose = TRUE) {
  cells <- colnames(object)
  meta <- object[[]]
  images <- SeuratObject::Images(object)
  by_image <- NULL
  if (!is.null(coords)) {
    found <- given_coords(coords, cells)
    source <- "the argument coords"
  } else if (!is.null(coord.cols)) {
    found <- column_coords(meta, coord.cols)
    source <- paste("metadata columns", paste(coord.cols, collapse = ", "))
  } else if (length(found <- image_places(object, images, verbose))) {
    by_image <- image_sections(found)
    source <- image_source(names(found))
    found <- stack_rows(unname(found))
  } else {
    columns <- detect_columns(meta)
    if (is.null(columns)) {
      no_coordinates(list(
        Images = images,
        "Numeric metadata columns" = numeric_columns(meta),
        Reductions = SeuratObject::Reductions(object)
      ))
    }
    found <- column_coords(meta, columns)
    source <- paste("metadata columns", paste(columns, collapse = ", "))
  }
  if (verbose && is.null(by_image) && is.null(section.by) && length(images) > 1) {
    smart_inform(c("!" = "{length(images)} images, but coordinates are {source}: taken as one
      section. Use {.arg section.by} to say otherwise."))
  }
  finish_places(found, cells, meta, section.by, batch.by, by_image, source)
}

# As `places_seurat()`, of a SingleCellExperiment whose cells go by `cells`.
places_sce <- function(object, cells, coords = NULL, coord.cols = NULL, section.by = NULL,
                       batch.by = NULL) {
  meta <- plain_columns(SummarizedExperiment::colData(object), cells)
  by_sample <- NULL
  if (!is.null(coords)) {
    if (is.matrix(coords) && identical(rownames(coords), colnames(object))) {
      # Names of cells may occur twice there.
      rownames(coords) <- cells
    }
    found <- given_coords(coords, cells)
    source <- "the argument coords"
  } else if (!is.null(coord.cols)) {
    found <- column_coords(meta, coord.cols)
    source <- paste("colData columns", paste(coord.cols, collapse = ", "))
  } else if (has_spatial_coords(object)) {
    found <- as.matrix(SpatialExperiment::spatialCoords(object))
    rownames(found) <- cells
    source <- "spatialCoords"
    if (!is.null(meta$sample_id)) {
      by_sample <- stats::setNames(as.character(meta$sample_id), cells)
    }
  } else {
    columns <- detect_columns(meta)
    if (is.null(columns)) {
      no_coordinates(list(
        "Numeric colData columns" = numeric_columns(meta),
        reducedDims = SingleCellExperiment::reducedDimNames(object)
      ))
    }
    found <- column_coords(meta, columns)
    source <- paste("colData columns", paste(columns, collapse = ", "))
  }
  finish_places(found, cells, meta, section.by, batch.by, by_sample, source)
}

has_spatial_coords <- function(object) {
  inherits(object, "SpatialExperiment") && ncol(SpatialExperiment::spatialCoords(object)) >= 2
}

# The columns of a DataFrame that a data frame can hold.
plain_columns <- function(frame, cells) {
  columns <- Filter(function(column) is.atomic(column) && is.null(dim(column)), as.list(frame))
  meta <- data.frame(row.names = cells)
  meta[names(columns)] <- columns
  meta
}

finish_places <- function(found, cells, meta, section.by, batch.by, by_image, source) {
  rows <- utils::head(rownames(found), 2)
  found <- found[rownames(found) %in% cells, , drop = FALSE]
  if (!ncol(found) %in% 2:3) {
    smart_abort("Coordinates must have 2 or 3 columns, but {source} have {ncol(found)}.")
  }
  storage.mode(found) <- "double"
  colnames(found) <- c("x", "y", "z")[seq_len(ncol(found))]
  sections <- if (is.null(section.by)) by_image else meta_column(meta, section.by, "section.by")
  if (!is.null(section.by) && !is.null(by_image)) {
    warn_mixed_images(found, sections, by_image)
  }
  list(
    coords = found, sections = sections,
    batches = if (!is.null(batch.by)) meta_column(meta, batch.by, "batch.by"),
    source = source, by_image = by_image, rows = rows
  )
}

image_source <- function(names) {
  paste0("image", if (length(names) > 1) "s", " ", paste(names, collapse = ", "))
}

say_places <- function(places, placed) {
  images <- places$by_image[rownames(placed$coords)]
  # A SpatialExperiment's samples are no images.
  source <- if (startsWith(places$source, "image")) image_source(unique(images)) else places$source
  sections <- unique(placed$sections)
  batches <- unique(placed$batches)
  smart_inform(c(
    "i" = "Coordinates: {source}.",
    if (!is.null(sections)) c("i" = "Sections: {.val {sections}}."),
    if (!is.null(batches)) c("i" = "Batches: {.val {batches}}.")
  ))
}

# Coordinates, sections and batches of exactly `cells`, in their order.
place_cells <- function(places, cells) {
  at <- match(cells, rownames(places$coords))
  coords <- places$coords[at, , drop = FALSE]
  rownames(coords) <- cells
  lost <- cells[!is.finite(rowSums(coords))]
  if (length(lost) == length(cells)) {
    smart_abort(c(
      "None of the {length(cells)} cells has coordinates in {places$source}.",
      "i" = "Cells are called {.val {utils::head(cells, 2)}}, rows of the coordinates
             {.val {places$rows}}."
    ))
  }
  if (length(lost)) {
    smart_abort(c(
      "{length(lost)} of {length(cells)} cells {cli::qty(lost)}{?has/have} no coordinates in
       {places$source} (first: {.val {lost[1]}}).",
      "i" = "Remove {cli::qty(lost)}{?it/them} with {.fn subset}, or give {.arg coords} for all."
    ))
  }
  sections <- groups_of(places$sections, cells, "section")
  list(
    coords = coords,
    sections = if (length(unique(sections)) > 1) sections,
    # One batch alone says that no batch effect is to be taken out between sections.
    batches = groups_of(places$batches, cells, "batch")
  )
}

# The section or batch of exactly `cells`, named by them.
groups_of <- function(groups, cells, what) {
  if (is.null(groups)) {
    return(NULL)
  }
  groups <- stats::setNames(groups[cells], cells)
  unknown <- cells[is.na(groups)]
  if (length(unknown)) {
    smart_abort(c(
      "{length(unknown)} of {length(cells)} cells {cli::qty(unknown)}{?is/are} in no {what}
       (first: {.val {unknown[1]}}).",
      "i" = "{.arg {what}.by} must be known for every cell."
    ))
  }
  groups
}

# Given ----

given_coords <- function(coords, cells) {
  if (is.data.frame(coords) || inherits(coords, "DataFrame")) {
    coords <- as.data.frame(coords)
    return(given_matrix(tidy_coordinates(coords, cells), cells))
  }
  if (!is.matrix(coords) || !is.numeric(coords)) {
    smart_abort(c(
      "{.arg coords} must be a numeric matrix cells x 2, or a data frame, not
       {.obj_type_friendly {coords}}.",
      "i" = "To name columns of the metadata use {.arg coord.cols}."
    ))
  }
  given_matrix(coords, cells)
}

given_matrix <- function(coords, cells) {
  if (!ncol(coords) %in% 2:3) {
    smart_abort("{.arg coords} must have 2 or 3 columns of numbers, not {ncol(coords)}.")
  }
  if (is.null(rownames(coords))) {
    if (nrow(coords) != length(cells)) {
      smart_abort(c(
        "{.arg coords} has no rownames and {nrow(coords)} row{?s}, the object {length(cells)}
         cells.",
        "i" = "Name the rows by cells."
      ))
    }
    rownames(coords) <- cells
  }
  twice <- rownames(coords)[duplicated(rownames(coords))]
  if (length(twice)) {
    smart_abort("{.arg coords} has more than one row for {length(unique(twice))} cell{?s}
      (first: {.val {twice[1]}}).")
  }
  coords
}

# Columns of the metadata ----

column_coords <- function(meta, columns) {
  if (!is.character(columns) || !length(columns) %in% 2:3) {
    smart_abort("{.arg coord.cols} must be the names of 2 or 3 columns.")
  }
  unknown <- setdiff(columns, names(meta))
  numbers <- numeric_columns(meta)
  if (length(unknown)) {
    smart_abort(c(
      "The metadata has no column{?s} {.val {unknown}}.",
      "i" = if (length(numbers)) "Numeric columns: {.val {numbers}}." else "No column is numeric."
    ))
  }
  words <- setdiff(columns, numbers)
  if (length(words)) {
    smart_abort("Column{?s} {.val {words}} of the metadata {?is/are} not numeric.")
  }
  found <- as.matrix(meta[, columns])
  rownames(found) <- rownames(meta)
  found
}

numeric_columns <- function(meta) names(meta)[vapply(meta, is.numeric, NA)]

detect_columns <- function(meta) {
  numbers <- numeric_columns(meta)
  for (pair in coordinate_columns) {
    at <- match(pair, tolower(numbers))
    if (!anyNA(at)) {
      return(numbers[at])
    }
  }
  NULL
}

# Values of the column that the argument `what` names, named by cell.
meta_column <- function(meta, column, what) {
  if (!rlang::is_string(column)) {
    smart_abort("{.arg {what}} must name one column of the metadata.")
  }
  if (!column %in% names(meta)) {
    smart_abort(c(
      "The metadata has no column {.val {column}} ({.arg {what}}).",
      "i" = "Its columns are {.val {names(meta)}}."
    ))
  }
  stats::setNames(as.character(meta[[column]]), rownames(meta))
}

no_coordinates <- function(found) {
  lines <- vapply(names(found), function(what) {
    there <- found[[what]]
    # What was found may hold braces.
    there <- if (length(there)) paste(there, collapse = ", ") else "none"
    gsub("([{}])", "\\1\\1", paste0(what, ": ", there, "."))
  }, "")
  smart_abort(c(
    "The object has no coordinates that could be found.",
    stats::setNames(lines, rep("x", length(lines))),
    "i" = "Give {.arg coords}, a matrix cells x 2, or name columns with {.arg coord.cols}."
  ))
}

# One row a cell, the first numeric columns: the mean over the rows of a cell.
tidy_coordinates <- function(found, cells = NULL) {
  ids <- found[["cell"]] %||% found[["cells"]] %||% row_names(found)
  columns <- numeric_columns(found)
  for (known in list(c("x", "y", "z"), c("x", "y"), c("imagecol", "imagerow"))) {
    if (all(known %in% columns)) {
      columns <- known
      break
    }
  }
  if (is.null(cells)) columns <- utils::head(columns, 2)
  xy <- as.matrix(found[, columns, drop = FALSE])
  if (is.null(ids)) {
    return(unname_rows(xy))
  }
  ids <- as.character(ids)
  if (is.null(cells) && anyDuplicated(ids)) {
    n <- table(ids)
    xy <- rowsum(xy, ids, reorder = FALSE)
    return(xy / as.vector(n[rownames(xy)]))
  }
  rownames(xy) <- ids
  xy
}

# Rownames that are more than the numbers a data frame has by itself.
row_names <- function(frame) {
  if (is.character(attr(frame, "row.names"))) rownames(frame)
}

unname_rows <- function(x) {
  rownames(x) <- NULL
  x
}

# Rows of matrices of 2 and 3 columns under one another.
stack_rows <- function(parts) {
  if (length(unique(vapply(parts, ncol, 1L))) > 1) {
    smart_abort("Some coordinates have 2 columns, others 3.")
  }
  do.call(rbind, lapply(parts, unname_columns))
}

unname_columns <- function(x) {
  colnames(x) <- NULL
  x
}
