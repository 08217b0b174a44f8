# Counts out of assays, in whatever class and layers they are kept.

# Its coercions must be there, whatever the user has loaded.
#' @importClassesFrom Matrix dgCMatrix
NULL

has_seurat5 <- function() utils::packageVersion("SeuratObject") >= "5.0.0"

# Functions that only SeuratObject 5 exports.
seurat5_function <- function(name) getExportedValue("SeuratObject", name)

# Names of the layers of an assay that hold something.
filled_layers <- function(assay) {
  if (inherits(assay, "Assay")) {
    layers <- c("counts", "data", "scale.data")
    parts <- lapply(layers, function(layer) methods::slot(assay, layer))
  } else {
    parts <- methods::slot(assay, "layers")
    layers <- names(parts)
  }
  layers[vapply(parts, function(part) all(dim(part) > 0), NA)]
}

# A layer, features x cells. SeuratObject 5 subsets, and so copies, even where all is asked
# for: the common classes are read from their slots.
read_layer <- function(assay, layer) {
  if (inherits(assay, "Assay")) {
    return(methods::slot(assay, layer))
  }
  if (!inherits(assay, "Assay5")) {
    return(seurat5_function("LayerData")(assay, layer = layer))
  }
  x <- methods::slot(assay, "layers")[[layer]]
  dimnames(x) <- list(
    seurat5_function("Features")(assay, layer = layer),
    SeuratObject::Cells(assay, layer = layer)
  )
  x
}

# The layers that `layer` stands for: itself, or the parts it was split into.
match_layers <- function(layer, there) {
  if (layer %in% there) {
    return(layer)
  }
  there[startsWith(there, paste0(layer, "."))]
}

# Layers that `layer` stands for, by the type of features that they hold; NULL where nothing tells.
assay_types <- function(assay, layer) {
  layers <- match_layers(layer, filled_layers(assay))
  if (!inherits(assay, "Assay5") || length(layers) == 0) {
    return(NULL)
  }
  # The layer may be named in full.
  prefix <- if (identical(layers, layer)) sub("[.].*$", "", layer) else layer
  if (length(layers) == 1) {
    type <- type_of_layer(layers, prefix)
    return(if (!is.na(type)) stats::setNames(list(layers), type))
  }
  of_layers <- function(read) lapply(layers, function(one) read(assay, layer = one))
  layer_types(
    layers, of_layers(SeuratObject::Cells), of_layers(seurat5_function("Features")), prefix
  )
}

# Counts of one assay, or of one type of its features: features x cells, or a list of such for split
# layers.
assay_counts <- function(assay, name, layer = "counts", features = NULL, check.counts = TRUE,
                         type = NA) {
  there <- filled_layers(assay)
  layers <- if (is.na(type)) match_layers(layer, there) else assay_types(assay, layer)[[type]]
  if (length(layers) == 0) {
    smart_abort(c(
      "Assay {.val {name}} has no layer {.val {layer}}, or an empty one.",
      did_you_mean(layer, there),
      "i" = if (length(there)) {
        "Layers that hold something: {.val {there}}; name one with {.arg layer}."
      } else {
        "It has no layer that holds anything."
      }
    ))
  }
  parts <- lapply(layers, function(part) read_layer(assay, part))
  names(parts) <- layers
  join_parts(parts, name, features_of_type(features, rownames(parts[[1]]), type), check.counts)
}

# Features that were chosen for a whole assay choose among those of a type that has any of them.
features_of_type <- function(features, there, type) {
  if (is.na(type) || any(features %in% there)) features
}

# Sparse matrices over the same features from matrices of disjoint cells.
join_parts <- function(parts, name, features = NULL, check.counts = TRUE) {
  cells <- unlist(lapply(parts, colnames), use.names = FALSE)
  if (anyDuplicated(cells) && length(parts) == 1) {
    twice <- unique(cells[duplicated(cells)])
    smart_abort(c(
      "{length(twice)} name{?s} of cells {?occurs/occur} more than once in {.val {name}} (first:
       {.val {twice[1]}}).",
      "i" = "{.fn make.unique} gives each cell a name of its own."
    ))
  }
  if (anyDuplicated(cells)) {
    smart_abort(c(
      "Layers {.val {names(parts)}} of {.val {name}} share {sum(duplicated(cells))} cell{?s}.",
      "i" = "Each cell belongs to one of them; or name one layer with {.arg layer}."
    ))
  }
  common <- Reduce(intersect, lapply(parts, rownames))
  if (length(common) == 0) {
    smart_abort(c(
      "{.val {names(parts)}} of {.val {name}} have no feature in common.",
      "i" = "First features: {.val {vapply(parts, function(x) rownames(x)[1], '')}}."
    ))
  }
  keep <- pick_features(common, features, name)
  # Names that repeat are for one matrix no matter.
  whole <- length(parts) == 1 && is.null(features)
  parts <- lapply(parts, function(part) {
    if (!whole && !identical(rownames(part), keep)) {
      part <- part[keep, , drop = FALSE]
    }
    part <- as_sparse(part)
    if (check.counts) check_whole(part, name)
    part
  })
  # Python would take a list with names for a dict.
  if (length(parts) == 1) parts[[1]] else unname(parts)
}

pick_features <- function(there, features, name) {
  if (is.null(features)) {
    return(there)
  }
  keep <- intersect(features, there)
  if (length(keep) == 0) {
    smart_abort(c(
      "{.val {name}} has none of the {.arg features} given
       ({.val {utils::head(features, 3)}}{more_than(features, 3)}).",
      "i" = "Its features look like {.val {utils::head(there, 3)}}."
    ))
  }
  keep
}

more_than <- function(x, n) if (length(x) > n) ", ..." else ""

# Any matrix as a dgCMatrix; a dgCMatrix is handed through without a copy.
as_sparse <- function(x) {
  if (inherits(x, "dgCMatrix")) {
    return(x)
  }
  if (inherits(x, "IterableMatrix")) {
    check_bpcells()
    return(methods::as(x, "dgCMatrix"))
  }
  if (inherits(x, "DelayedArray")) {
    rlang::check_installed("DelayedArray", "to read delayed matrices.")
    return(methods::as(x, "dgCMatrix"))
  }
  if (!inherits(x, "Matrix") && !(is.matrix(x) && (is.numeric(x) || is.logical(x)))) {
    smart_abort("Counts must be a matrix of numbers, not {.obj_type_friendly {x}}.")
  }
  for (class in c("CsparseMatrix", "dMatrix", "generalMatrix")) {
    x <- methods::as(x, class)
  }
  x
}

# The coercion lives in the package that reads the files.
check_bpcells <- function() rlang::check_installed("BPCells", "to read layers kept on disk.")

# Counts are looked at in a sample: the core looks at all of them, but an error
# from here comes at once and knows the layers. Negative values are never counts.
check_whole <- function(x, name, n = 1e5) {
  values <- utils::head(x@x, n)
  bad <- values < 0 | values != floor(values)
  if (any(bad, na.rm = TRUE)) {
    value <- signif(values[which(bad)[1]], 3)
    normalised <- value >= 0 && looks_normalised(x)
    smart_abort(c(
      "{.val {name}} holds values that are no counts, such as {value}.",
      "x" = if (normalised) {
        "They look normalised: within a cell all are multiples of one number, or logarithms of
         such."
      },
      "i" = "SMART takes raw counts: name the layer that holds them with {.arg layer}.",
      "i" = "To use components you have made yourself, give {.arg reduction}.",
      "i" = if (value >= 0 && !normalised) {
        "{.code check.counts = FALSE} is only for raw counts from which a tool such as SoupX or
         CellBender took ambient RNA, never for what {.fn NormalizeData} or {.fn SCTransform} made."
      }
    ))
  }
  invisible(x)
}

# Divided by a number for each cell, counts are still multiples of their least, which often is a
# single count; so they are after a logarithm is undone. Counts that were corrected are not.
looks_normalised <- function(x, n = 50) {
  cells <- which(diff(x@p) >= 5)
  fits <- vapply(utils::head(cells, n), function(cell) {
    values <- x@x[seq(x@p[cell] + 1, x@p[cell + 1])]
    any(vapply(list(values, expm1(values), 2^values - 1), function(raw) {
      times <- raw / min(raw)
      isTRUE(all(abs(times - round(times)) < 0.01)) && length(unique(round(times))) > 1
    }, NA))
  }, NA)
  length(fits) > 0 && mean(fits) > 0.5
}
