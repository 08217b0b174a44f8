# Where the cells are, and in which section and batch.

# Places of the cells of a Seurat object, as far as they are known: `coords`, numeric
# cells x 2|3 with rownames; `sections` and `batches`, named character or NULL; `source`, in words;
# `by_image`, the image of each cell where they come from images.
places_seurat <- function(object, coords = NULL, coord.cols = NULL, section.by = NULL,
                          batch.by = NULL, verbose = TRUE) {
  cells <- colnames(object)
  meta <- object[[]]
  images <- SeuratObject::Images(object)
  by_image <- NULL
  placed <- NULL
  if (!is.null(coords)) {
    found <- given_coords(coords, cells)
    source <- "the argument coords"
    placed <- "cells = intersect(colnames(object), rownames(na.omit(coords)))"
  } else if (!is.null(coord.cols)) {
    columns <- coord.cols
    found <- column_coords(meta, coord.cols)
    source <- paste("metadata columns", paste(coord.cols, collapse = ", "))
  } else if (length(found <- image_places(object, images, verbose))) {
    by_image <- image_sections(found)
    source <- image_source(names(found))
    placed <- "cells = unlist(lapply(Images(object), function(x) Cells(object[[x]])))"
    found <- stack_rows(unname(found))
  } else if (length(name <- spatial_reduction(SeuratObject::Reductions(object)))) {
    found <- reduction_coords(SeuratObject::Embeddings(object[[name]]), name)
    source <- paste("reduction", name)
    placed <- paste0("cells = rownames(na.omit(Embeddings(object[[\"", name, "\"]])))")
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
  placed <- placed %||% paste0(
    "cells = colnames(object)[complete.cases(object[[", code_of(columns), "]])]"
  )
  keep <- paste0("object <- subset(object, ", placed, ")")
  finish_places(found, cells, meta, section.by, batch.by, by_image, source, keep)
}

# As `places_seurat()`, of a SingleCellExperiment whose cells go by `cells`.
places_sce <- function(object, cells, coords = NULL, coord.cols = NULL, section.by = NULL,
                       batch.by = NULL) {
  meta <- plain_columns(SummarizedExperiment::colData(object), cells)
  by_sample <- NULL
  placed <- NULL
  if (!is.null(coords)) {
    if (is.matrix(coords) && identical(rownames(coords), colnames(object))) {
      # Names of cells may occur twice there.
      rownames(coords) <- cells
    }
    found <- given_coords(coords, cells)
    source <- "the argument coords"
    placed <- "colnames(object) %in% rownames(na.omit(coords))"
  } else if (!is.null(coord.cols)) {
    columns <- coord.cols
    found <- column_coords(meta, coord.cols)
    source <- paste("colData columns", paste(coord.cols, collapse = ", "))
  } else if (has_spatial_coords(object)) {
    found <- as.matrix(SpatialExperiment::spatialCoords(object))
    rownames(found) <- cells
    source <- "spatialCoords"
    placed <- "complete.cases(spatialCoords(object))"
    if (!is.null(meta$sample_id)) {
      by_sample <- stats::setNames(as.character(meta$sample_id), cells)
    }
  } else if (length(name <- spatial_reduction(SingleCellExperiment::reducedDimNames(object)))) {
    found <- as.matrix(SingleCellExperiment::reducedDim(object, name))
    rownames(found) <- cells
    found <- reduction_coords(found, name)
    source <- paste("reducedDim", name)
    placed <- paste0("complete.cases(reducedDim(object, \"", name, "\"))")
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
  placed <- placed %||% paste0(
    "complete.cases(as.data.frame(colData(object)[", code_of(columns), "]))"
  )
  keep <- paste0("object <- object[, ", placed, "]")
  finish_places(found, cells, meta, section.by, batch.by, by_sample, source, keep)
}

# The reduction that holds the coordinates of an object that comes from an .h5ad file (by zellkonverter,
# SeuratDisk, sceasy or anndataR), where they are obsm["spatial"].
spatial_reduction <- function(reductions) {
  known <- tolower(gsub("[^A-Za-z]", "", reductions)) %in% c("spatial", "xspatial")
  utils::head(reductions[known], 1)
}

reduction_coords <- function(found, name) {
  if (!ncol(found) %in% 2:3) {
    smart_abort(c(
      "The reduction {.val {name}} should hold coordinates, but has {ncol(found)} dimension{?s}.",
      "i" = "Give {.arg coords} or {.arg coord.cols}."
    ))
  }
  found
}

# A vector as R code, such as c("RNA", "ADT").
code_of <- function(x) paste(deparse(unname(x), width.cutoff = 500L), collapse = " ")

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

# `keep`: R code that keeps the cells that have coordinates.
finish_places <- function(found, cells, meta, section.by, batch.by, by_image, source,
                          keep = NULL) {
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
    source = source, by_image = by_image, rows = rows, keep = keep
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
      "i" = if (is.null(places$keep)) {
        "Give {.arg coords} for all, or counts without {cli::qty(lost)}{?this/these} cell{?s}."
      } else {
        "Give {.arg coords} for all, or keep the cells that have them: {.code {places$keep}}."
      }
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
