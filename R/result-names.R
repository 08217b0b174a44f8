# Where results go: looked at before anything is computed.

is_smart_record <- function(x) is.list(x) && identical(x[["tool"]], "SpatialSMART")

# Whether a reduction of a Seurat object has the key of one of SMART, but no record: merge() drops it.
lost_record <- function(object, reduction) {
  if (!inherits(object, "Seurat") || !reduction %in% SeuratObject::Reductions(object)) {
    return(FALSE)
  }
  kept <- object[[reduction]]
  misc <- SeuratObject::Misc(kept)
  # Clusters may have been found since.
  all(names(misc) %in% c("clustering", "n.clusters")) && ncol(SeuratObject::Loadings(kept)) == 0 &&
    identical(unname(SeuratObject::Key(kept)), derive_key(reduction, character()))
}

check_name <- function(x, what, fn = "RunSMART") {
  if (!rlang::is_string(x) || !nzchar(x)) {
    smart_abort("{.arg {what}} must be one name, not {.obj_type_friendly {x}}.", fn = fn)
  }
}

# The key of the new reduction; an error where its name or key is someone else's.
check_reduction_name <- function(object, reduction.name, reduction.key = NULL) {
  check_name(reduction.name, "reduction.name")
  if (make.names(reduction.name) != reduction.name) {
    smart_abort(c(
      "{.arg reduction.name} {.val {reduction.name}} is no name for a reduction.",
      "i" = "{.val {make.names(reduction.name)}} would be."
    ))
  }
  there <- SeuratObject::Reductions(object)
  alike <- there[vapply(there, column_stem, "") == column_stem(reduction.name)]
  alike <- setdiff(alike, reduction.name)
  if (length(alike)) {
    smart_abort(c(
      "{.arg reduction.name} {.val {reduction.name}} would share the columns of the metadata with the
       reduction {.val {alike}}.",
      "i" = "Choose another name."
    ))
  }
  if (reduction.name %in% there) {
    ours <- is_smart_record(SeuratObject::Misc(object[[reduction.name]])) ||
      lost_record(object, reduction.name)
    if (!ours) {
      smart_abort(c(
        "There is a reduction {.val {reduction.name}} already, and it is not one of SMART.",
        "i" = "Choose another {.arg reduction.name}, or remove it:
               {.code object[[\"{reduction.name}\"]] <- NULL}."
      ))
    }
  } else if (reduction.name %in% names(object)) {
    smart_abort(c(
      "{.arg reduction.name} {.val {reduction.name}} is the name of something else in the object.",
      "i" = "In use: {.val {names(object)}}."
    ))
  }
  check_contribution_columns(object[[]], reduction.name)
  keys <- SeuratObject::Key(object)
  keys <- unlist(keys[setdiff(names(keys), reduction.name)])
  if (is.null(reduction.key)) {
    return(derive_key(reduction.name, keys))
  }
  check_name(reduction.key, "reduction.key")
  if (!grepl("^[a-zA-Z][a-zA-Z0-9]*_$", reduction.key)) {
    smart_abort(c(
      "{.arg reduction.key} {.val {reduction.key}} is no key.",
      "i" = "A key is letters and digits with an underscore at its end, such as {.val SMART_}."
    ))
  }
  if (reduction.key %in% keys) {
    owner <- names(keys)[keys == reduction.key]
    smart_abort(c(
      "{.arg reduction.key} {.val {reduction.key}} is the key of {.val {owner}}.",
      "i" = if (reduction.name == "smart") {
        "Choose another, such as {.val SMARTDOMAINS_}."
      } else {
        "Choose another, or leave it out to have one made from {.arg reduction.name}."
      }
    ))
  }
  reduction.key
}

derive_key <- function(reduction.name, taken) {
  stem <- toupper(gsub("[^a-zA-Z0-9]", "", reduction.name))
  if (!grepl("^[A-Z]", stem)) stem <- paste0("SMART", stem)
  key <- paste0(stem, "_")
  i <- 1
  while (key %in% taken) {
    i <- i + 1
    key <- paste0(stem, "r", i, "_")
  }
  key
}

# `columns` are made of `cluster.name`, one for each of several clusterings.
check_cluster_name <- function(object, cluster.name, fn = "RunSMART", columns = NULL) {
  check_name(cluster.name, "cluster.name", fn)
  bioc <- inherits(object, "SingleCellExperiment")
  taken <- if (!bioc) intersect(c(cluster.name, columns), names(object))
  if (length(taken)) {
    smart_abort(c(
      "{.arg cluster.name} {.val {taken[1]}} is the name of an assay, image or reduction.",
      "i" = "Choose another name for the column of the metadata."
    ), fn = fn)
  }
  if (grepl(".contribution.", cluster.name, fixed = TRUE)) {
    smart_abort(c(
      "{.arg cluster.name} {.val {cluster.name}} is a name for the contribution of a modality.",
      "i" = "Choose another name for the column of the metadata."
    ), fn = fn)
  }
  meta <- if (bioc) as.list(SummarizedExperiment::colData(object)) else object[[]]
  owned <- unlist(lapply(smart_records(object), function(record) names(record$clustering)))
  for (name in setdiff(intersect(c(cluster.name, columns), names(meta)), owned)) {
    if (!looks_like_clusters(meta[[name]])) {
      smart_abort(c(
        "The metadata has a column {.val {name}} that holds no clusters of SMART.",
        "i" = "Choose another {.arg cluster.name}, or remove the column:
               {.code object${backticked(name)} <- NULL}."
      ), fn = fn)
    }
  }
}

# Clusters of SMART of which there is no record any more, as after merge().
looks_like_clusters <- function(x) {
  (is.factor(x) || is.character(x)) && all(grepl("^[0-9]+$", stats::na.omit(as.character(x))))
}

# What SMART kept with each embedding of an object, named by it.
smart_records <- function(object) {
  records <- if (inherits(object, "SingleCellExperiment")) {
    S4Vectors::metadata(object)
  } else {
    lapply(methods::slot(object, "reductions"), methods::slot, "misc")
  }
  Filter(function(record) is.list(record) && is.list(record$clustering), as.list(records))
}

# Columns of an earlier run are numbers; others are the user's.
check_contribution_columns <- function(meta, reduction.name) {
  for (name in find_contribution_columns(names(meta), reduction.name)) {
    if (!is.numeric(meta[[name]]) && !all(is.na(meta[[name]]))) {
      smart_abort(c(
        "The metadata has a column {.val {name}} that holds no numbers. It would be overwritten.",
        "i" = "Choose another {.arg reduction.name}, or remove the column:
               {.code object${backticked(name)} <- NULL}."
      ))
    }
  }
}

# What Seurat would refuse at the end is refused before anything is computed.
check_valid <- function(object) {
  newer <- inherits(object, "Seurat") && !has_seurat5() &&
    any(vapply(methods::slot(object, "assays"), function(x) class(x)[1] == "Assay5", NA))
  if (newer) {
    smart_abort(c(
      "The object was made by Seurat 5, and this is SeuratObject
       {utils::packageVersion('SeuratObject')}.",
      "i" = "Use Seurat 5; or there make its assays of the older class:
             {.code object[[\"RNA\"]] <- as(object[[\"RNA\"]], \"Assay\")}."
    ))
  }
  fault <- tryCatch(
    {
      methods::validObject(object)
      NULL
    },
    error = conditionMessage
  )
  if (!is.null(fault)) {
    smart_abort(c(
      "The object is not valid, and no result could be stored in it.",
      "x" = "{fault}",
      "i" = if (inherits(object, "Seurat")) {
        "{.code object <- SeuratObject::UpdateSeuratObject(object)} mends objects of older versions."
      }
    ))
  }
}

check_reduced_dim_name <- function(object, reduction.name) {
  check_name(reduction.name, "reduction.name")
  check_contribution_columns(as.list(SummarizedExperiment::colData(object)), reduction.name)
  taken <- reduction.name %in% SingleCellExperiment::reducedDimNames(object)
  ours <- is_smart_record(S4Vectors::metadata(object)[[reduction.name]])
  if (taken && !ours) {
    smart_abort(c(
      "There is a reducedDim {.val {reduction.name}} already, and it is not one of SMART.",
      "i" = "Choose another {.arg reduction.name}, or remove it:
             {.code reducedDim(object, \"{reduction.name}\") <- NULL}."
    ))
  }
  if (!taken && !is.null(S4Vectors::metadata(object)[[reduction.name]]) && !ours) {
    smart_abort(c(
      "{.code metadata(object)} has something else under {.val {reduction.name}}.",
      "i" = "Choose another {.arg reduction.name}."
    ))
  }
}
