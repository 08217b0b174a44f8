# Coordinates that the user gives, in a matrix or as columns of the metadata.

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
      did_you_mean(unknown, numbers),
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

# Contributions of an earlier run are no coordinates.
numeric_columns <- function(meta) {
  names(meta)[vapply(meta, is.numeric, NA) & !grepl(".contribution.", names(meta), fixed = TRUE)]
}

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
      did_you_mean(column, names(meta)),
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
    escape_braces(paste0(what, ": ", there, "."))
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
