# From matrices of the user to what the core takes.

unnamed_matrix <- "features"

# A list of matrices named by modality.
given_matrices <- function(object) {
  if (!is.list(object) || is.data.frame(object)) {
    object <- list(object)
  }
  bad <- !vapply(object, is_matrix_like, NA)
  if (length(object) == 0 || any(bad)) {
    what <- if (length(object)) object[[which(bad)[1]]] else object
    smart_abort(c(
      "{.arg object} must be a Seurat object, a SingleCellExperiment, or counts: a matrix features x
       cells, or a list of matrices named by modality.",
      "x" = "There is {.obj_type_friendly {what}}.",
      "i" = if (is.data.frame(what)) {
        "{.code as.matrix()} makes a matrix of it."
      } else if (rlang::is_string(what)) {
        "{.code readRDS()} reads an object that was saved."
      } else if (inherits(what, c("Assay", "StdAssay"))) {
        "Give the object that the assay is in, and {.arg assays}."
      }
    ))
  }
  if (is.null(names(object)) && length(object) == 1) {
    names(object) <- unnamed_matrix
  }
  names <- names(object) %||% rep("", length(object))
  if (!all(nzchar(names)) || anyDuplicated(names)) {
    smart_abort(c(
      "The matrices in {.arg object} must have names, each its own.",
      "i" = "Such as {.code list(rna = counts, protein = adt)}."
    ))
  }
  object
}

is_matrix_like <- function(x) {
  is.matrix(x) || inherits(x, c("Matrix", "IterableMatrix", "DelayedArray"))
}

collect_matrices <- function(matrices, coords, modalities, features, section.by, batch.by,
                             check.counts, check = function(plan) NULL) {
  assays <- names(matrices)
  kinds <- matrix_kinds(matrices, modalities)
  if (identical(assays, unnamed_matrix) && kinds != "pcs") {
    assays <- names(matrices) <- kinds
  }
  plan <- data.frame(assay = assays, name = assays, kind = kinds)
  check_named(features, "features")
  features <- named_as(features, "features", plan)
  matrices <- name_cells(matrices, kinds, coords)
  check(plan)
  inputs <- Map(function(x, name, kind) {
    if (kind == "pcs") {
      return(list(kind = NULL, counts = NULL, pcs = given_components(x, name)))
    }
    if (is.null(rownames(x))) rownames(x) <- paste0("feature", seq_len(nrow(x)))
    counts <- join_parts(
      stats::setNames(list(x), name), name, one_of_list(features, name),
      check.counts && !kind %in% other_kinds
    )
    list(kind = kind, counts = counts, pcs = NULL)
  }, matrices, assays, kinds)
  cells <- lapply(inputs, input_cells)
  check_common_cells(cells)
  all <- unique(unlist(cells, use.names = FALSE))
  found <- given_coords(coords, all)
  # The order of the coordinates is that of the result.
  all <- c(intersect(rownames(found), all), setdiff(all, rownames(found)))
  placed <- place_cells(list(
    coords = found,
    sections = given_groups(section.by, rownames(found), "section.by"),
    batches = given_groups(batch.by, rownames(found), "batch.by"),
    source = "`coords`",
    rows = utils::head(rownames(found), 2)
  ), all)
  list(
    modalities = inputs,
    coords = placed$coords,
    sections = placed$sections,
    batches = placed$batches,
    about = data.frame(
      modality = assays,
      kind = ifelse(kinds == "pcs", NA, kinds),
      assay = assays,
      source = assays,
      layer = NA_character_,
      reduction = NA_character_,
      n.features = vapply(inputs, input_width, 1L, USE.NAMES = FALSE),
      n.cells = lengths(cells, use.names = FALSE)
    )
  )
}

# A kind, or "pcs", for each matrix.
matrix_kinds <- function(matrices, modalities) {
  assays <- names(matrices)
  given <- lower_case(unlist(modalities))
  if (is.null(names(given)) && length(given) == length(assays)) {
    names(given) <- assays
  }
  check_named_modalities(given, assays)
  own <- given %in% "pcs"
  kinds <- match_modalities(assays, if (any(!own)) given[!own])
  kinds[match(names(given)[own], assays)] <- "pcs"
  unknown <- is.na(kinds)
  kinds[unknown] <- vapply(assays[unknown], function(name) {
    guess_kind(name, features = rownames(matrices[[name]]))
  }, "")
  unknown_kinds(assays[is.na(kinds)])
  kinds
}

# Matrices whose cells have names: those of the coordinates where they have none of their own.
name_cells <- function(matrices, kinds, coords) {
  ids <- if (is.data.frame(coords)) coords[["cell"]] %||% row_names(coords) else rownames(coords)
  n <- NROW(coords)
  margin <- ifelse(kinds == "pcs", 1L, 2L)
  cells <- Map(function(x, margin) dimnames(x)[[margin]], matrices, margin)
  if (is.null(ids) && length(unique(cells)) > 1) {
    smart_abort(c(
      "{.arg coords} has no rownames, and the matrices have different cells.",
      "i" = "Name the rows by cells."
    ))
  }
  Map(function(x, name, margin) {
    if (!is.null(dimnames(x)[[margin]])) {
      return(x)
    }
    if (dim(x)[margin] != n) {
      smart_abort(c(
        "The cells of {.val {name}} have no names, and are {dim(x)[margin]}, with coordinates of
         {n}.",
        "i" = "Counts are features x cells{if (margin == 1) ', components cells x dimensions'}."
      ))
    }
    names <- dimnames(x) %||% list(NULL, NULL)
    names[[margin]] <- ids %||% paste0("cell", seq_len(n))
    dimnames(x) <- names
    x
  }, matrices, names(matrices), margin)
}

given_components <- function(x, name) {
  x <- as.matrix(x)
  if (!is.numeric(x) || ncol(x) == 0) {
    smart_abort("Components {.val {name}} must be numbers, cells x dimensions.")
  }
  if (anyDuplicated(rownames(x))) {
    smart_abort("Components {.val {name}} have more than one row for a cell.")
  }
  x
}

# Sections or batches, which the argument `what` holds, named by cell.
given_groups <- function(x, cells, what) {
  if (is.null(x)) {
    return(NULL)
  }
  if (!is.atomic(x) || (is.null(names(x)) && length(x) != length(cells))) {
    smart_abort(c(
      "{.arg {what}} must be one value for each of the {length(cells)} rows of {.arg coords}, or be
       named by cell.",
      "x" = "It has {length(x)} value{?s}."
    ))
  }
  stats::setNames(as.character(x), names(x) %||% cells)
}
