# SingleCellExperiments and SpatialExperiments of one embedding as one object.

merge_sce <- function(objects, records, reduction, cluster.name, section.name, found, verbose) {
  # Names that the record goes by.
  old <- lapply(objects, cell_names)
  named <- all(vapply(objects, function(x) {
    !is.null(colnames(x)) && !anyDuplicated(colnames(x))
  }, NA))
  new <- if (named) joint_names(old)
  dropped <- list(
    reducedDims = setdiff(
      unlist(lapply(objects, SingleCellExperiment::reducedDimNames)), reduction
    ),
    colPairs = unlist(lapply(objects, SingleCellExperiment::colPairNames))
  )
  samples <- unique_samples(objects)
  objects <- samples$objects
  sections <- factor(rep(names(objects), vapply(objects, ncol, 1L)), names(objects))
  bare <- Map(function(object, cells) {
    kept <- SingleCellExperiment::reducedDim(object, reduction)
    SingleCellExperiment::reducedDims(object) <- stats::setNames(list(kept), reduction)
    SingleCellExperiment::colPairs(object) <- list()
    if (!is.null(cells)) colnames(object) <- cells
    # Records of other reductions have nothing to tell any more.
    ours <- vapply(S4Vectors::metadata(object), is_smart_record, NA)
    S4Vectors::metadata(object) <- S4Vectors::metadata(object)[!ours]
    object
  }, objects, if (named) new else list(NULL))
  aligned <- align_experiments(bare)
  dropped$`columns of rowData` <- aligned$dropped
  merged <- bind_columns(aligned$experiments)
  if (!is.null(samples$pictures)) SpatialExperiment::imgData(merged) <- samples$pictures
  S4Vectors::metadata(merged)[[reduction]] <- joint_record(records, names(found))
  for (name in names(found)) {
    values <- unlist(found[[name]]$values, use.names = FALSE)
    SummarizedExperiment::colData(merged)[[name]] <- factor(values, found[[name]]$levels)
  }
  SummarizedExperiment::colData(merged)[[section.name]] <- sections
  if (verbose) {
    say_merged(
      if (named) old else new, new, dropped,
      list("Values of sample_id" = list(samples$before, samples$after))
    )
  }
  merged
}

# The generic is BiocGenerics's, of which base's `cbind()` does not know.
bind_columns <- function(experiments) {
  if (length(experiments) == 1) {
    return(experiments[[1]])
  }
  do.call(SummarizedExperiment::cbind, unname(experiments))
}

# Experiments of the same features whose annotations fit together, and the names of the columns of
# the rowData that do not.
align_experiments <- function(experiments) {
  features <- rownames(experiments[[1]])
  if (!is.null(features)) {
    experiments <- lapply(experiments, function(x) {
      if (identical(rownames(x), features)) x else x[match(features, rownames(x)), ]
    })
  }
  data <- lapply(experiments, SummarizedExperiment::rowData)
  columns <- unique(unlist(lapply(data, colnames)))
  same <- Filter(function(name) {
    all(vapply(data, function(x) isTRUE(all.equal(x[[name]], data[[1]][[name]])), NA))
  }, columns)
  metas <- fill_columns(lapply(experiments, SummarizedExperiment::colData))
  experiments <- Map(function(x, meta) {
    SummarizedExperiment::rowData(x) <- SummarizedExperiment::rowData(experiments[[1]])[same]
    SummarizedExperiment::colData(x) <- meta
    x
  }, experiments, metas)
  dropped <- setdiff(columns, same)
  for (name in alt_names(experiments[[1]])) {
    inner <- lapply(experiments, function(x) {
      x <- SingleCellExperiment::altExp(x, name, withDimnames = FALSE)
      if (inherits(x, "SingleCellExperiment")) {
        SingleCellExperiment::reducedDims(x) <- list()
        SingleCellExperiment::colPairs(x) <- list()
      }
      x
    })
    inner <- align_experiments(inner)
    dropped <- c(dropped, inner$dropped)
    experiments <- Map(function(x, alt) {
      SingleCellExperiment::altExp(x, name, withDimnames = FALSE) <- alt
      x
    }, experiments, inner$experiments)
  }
  list(experiments = experiments, dropped = unique(dropped))
}

alt_names <- function(x) {
  if (inherits(x, "SingleCellExperiment")) SingleCellExperiment::altExpNames(x)
}

# Tables with the same columns in the same order, NA where one was lacking.
fill_columns <- function(metas) {
  columns <- unique(unlist(lapply(metas, colnames)))
  lapply(metas, function(meta) {
    for (name in setdiff(columns, colnames(meta))) meta[[name]] <- rep(NA, nrow(meta))
    meta[columns]
  })
}

# What `cbind()` asks for, in words that say what to do.
check_same_features <- function(objects, names, fn, of = "") {
  first <- objects[[1]]
  for (i in seq_along(objects)[-1]) {
    other <- objects[[i]]
    same <- nrow(first) == nrow(other) && setequal(rownames(first), rownames(other))
    if (!same) {
      smart_abort(c(
        "Sections {.val {names[1]}} and {.val {names[i]}} have different features{of}:
         {nrow(first)} and {nrow(other)}, {length(intersect(rownames(first), rownames(other)))} of
         them by the same names.",
        "i" = "Objects of this class can only be merged with the same features in each: keep those
               they share ({.code object[features, ]})."
      ), fn = fn)
    }
    differ <- list(
      assays = list(
        SummarizedExperiment::assayNames(first), SummarizedExperiment::assayNames(other)
      ),
      "alternative experiments" = list(alt_names(first), alt_names(other))
    )
    for (what in names(differ)) {
      if (!setequal(differ[[what]][[1]], differ[[what]][[2]])) {
        smart_abort(c(
          "Sections {.val {names[1]}} and {.val {names[i]}} have different {what}{of}.",
          "x" = "{.val {names[1]}}: {.val {differ[[what]][[1]]}}.",
          "x" = "{.val {names[i]}}: {.val {differ[[what]][[2]]}}.",
          "i" = "Objects of this class can only be merged with the same in each."
        ), fn = fn)
      }
    }
  }
  for (name in alt_names(first)) {
    inner <- lapply(objects, function(x) SingleCellExperiment::altExp(x, name))
    check_same_features(inner, names, fn, paste0(" in ", name))
  }
}

# SpatialExperiments in which no `sample_id` occurs twice, without their pictures, which `cbind()`
# loses where the first object has none; and the pictures.
unique_samples <- function(objects) {
  if (!inherits(objects[[1]], "SpatialExperiment")) {
    return(list(objects = objects))
  }
  ids <- function(objects) {
    unlist(lapply(objects, function(object) unique(as.character(object$sample_id))), FALSE, FALSE)
  }
  before <- ids(objects)
  rename <- anyDuplicated(before) > 0
  pictures <- list()
  for (section in names(objects)) {
    object <- objects[[section]]
    own <- SpatialExperiment::imgData(object)
    SpatialExperiment::imgData(object) <- NULL
    if (rename) {
      object$sample_id <- paste(section, object$sample_id, sep = ".")
      if (NROW(own)) own$sample_id <- paste(section, own$sample_id, sep = ".")
    }
    objects[[section]] <- object
    if (NROW(own)) pictures[[section]] <- own
  }
  list(
    objects = objects, pictures = do.call(rbind, unname(pictures)),
    before = before, after = ids(objects)
  )
}
