# Results back into the user's object.

# What is remembered with an embedding, in `misc` or `metadata()`.
smart_record <- function(result, inputs) {
  sections <- inputs$sections
  modalities <- inputs$about
  # Known to the core alone where sections have different ones.
  if (!is.null(result$n.features)) {
    modalities$n.features <- unname(result$n.features[modalities$modality])
  }
  list(
    tool = "SpatialSMART",
    versions = result$versions,
    params = result$params,
    history = result$history,
    modalities = modalities,
    n.triplets = result$n.triplets,
    directions = result$directions,
    scales = result$scales,
    contributions = result$contributions,
    clustering = result$clustering,
    sections = if (is.null(sections)) NULL else table_of(sections),
    batches = if (is.null(inputs$batches)) NULL else table_of(inputs$batches)
  )
}

table_of <- function(x) {
  n <- table(factor(x, levels = unique(x)))
  stats::setNames(as.integer(n), names(n))
}

is_smart_record <- function(x) is.list(x) && identical(x[["tool"]], "SpatialSMART")

# Names ----

check_name <- function(x, what, fn = "RunSMART") {
  if (!rlang::is_string(x) || !nzchar(x)) {
    smart_abort("{.arg {what}} must be one name, not {.obj_type_friendly {x}}.", fn = fn)
  }
}

check_n_clusters <- function(n.clusters, n = Inf, fn = "RunSMART") {
  if (is.null(n.clusters)) {
    return(invisible())
  }
  if (!rlang::is_scalar_integerish(n.clusters, finite = TRUE) || n.clusters < 1 || n.clusters > n) {
    smart_abort(c(
      "{.arg n.clusters} must be one whole number from 1 to the number of cells,
       not {.val {n.clusters}}.",
      "i" = if (fn == "RunSMART") "Leave it out to get the embedding alone."
    ), fn = fn)
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
  if (reduction.name %in% there) {
    if (!is_smart_record(SeuratObject::Misc(object[[reduction.name]]))) {
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
      "i" = "Choose another, or leave it out to have one made from {.arg reduction.name}."
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

check_cluster_name <- function(object, cluster.name, fn = "RunSMART") {
  check_name(cluster.name, "cluster.name", fn)
  if (cluster.name %in% names(object)) {
    smart_abort(c(
      "{.arg cluster.name} {.val {cluster.name}} is the name of an assay, image or reduction.",
      "i" = "Choose another name for the column of the metadata."
    ), fn = fn)
  }
}

# Seurat ----

store_seurat <- function(object, result, inputs, reduction.name, reduction.key) {
  embedding <- result$embedding
  colnames(embedding) <- paste0(reduction.key, seq_len(ncol(embedding)))
  cells <- intersect(colnames(object), rownames(embedding))
  embedding <- embedding[cells, , drop = FALSE]
  if (reduction.name %in% SeuratObject::Reductions(object)) {
    # Overwritten, it would be warned of where its size changes.
    object[[reduction.name]] <- NULL
  }
  object[[reduction.name]] <- SeuratObject::CreateDimReducObject(
    embeddings = embedding,
    assay = first_assay(object, inputs$about$assay),
    stdev = unname(apply(embedding, 2, stats::sd)),
    key = reduction.key,
    global = TRUE,
    misc = smart_record(result, inputs)
  )
  object
}

first_assay <- function(object, assays) {
  there <- intersect(assays, SeuratObject::Assays(object))
  c(there, SeuratObject::DefaultAssay(object))[1]
}

# A column of the metadata, and the identities.
store_clusters <- function(object, clusters, cluster.name) {
  column <- data.frame(clusters[colnames(object)], row.names = colnames(object))
  names(column) <- cluster.name
  object <- SeuratObject::AddMetaData(object, metadata = column)
  SeuratObject::Idents(object, cells = names(clusters)) <- clusters
  object
}

# An entry for the object's log. Seurat's own recorder takes the plural `assays` for no
# assay at all, and keeps large arguments whole.
smart_command <- function(call, params, assay, suffix = NULL) {
  small <- Filter(is_small, params)
  methods::new(
    "SeuratCommand",
    name = paste(c(call_name(call), suffix), collapse = "."),
    time.stamp = Sys.time(),
    assay.used = assay,
    call.string = call_string(call),
    params = small
  )
}

is_small <- function(x) {
  (is.atomic(x) || is.list(x)) && !is.object(x) && utils::object.size(x) < 20000
}

# A method goes by its generic's name, a function in `do.call` by none.
call_name <- function(call) {
  name <- call[[1]]
  if (is.call(name)) name <- name[[3]]
  if (is.name(name)) sub("\\..*$", "", as.character(name)) else "RunSMART"
}

# The call as typed; `do.call` puts whole objects in, of which the class is enough.
call_string <- function(call) {
  for (i in seq_along(call)[-1]) {
    value <- call[[i]]
    if (!is.language(value) && !is.null(value) && !is_small(value)) {
      call[[i]] <- as.name(paste0("<", class(value)[1], ">"))
    }
  }
  call[[1]] <- as.name(call_name(call))
  paste(deparse(call, width.cutoff = 500L), collapse = " ")
}

log_command <- function(object, command) {
  object[[methods::slot(command, "name")]] <- command
  object
}

# Bioconductor ----

check_reduced_dim_name <- function(object, reduction.name) {
  check_name(reduction.name, "reduction.name")
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

# `cells` are the names that the columns went by on the way.
store_sce <- function(object, result, inputs, reduction.name, reduction.key, cells) {
  # Cells that were left out have no values.
  embedding <- result$embedding[match(cells, rownames(result$embedding)), , drop = FALSE]
  dimnames(embedding) <- list(
    colnames(object), paste0(reduction.key, seq_len(ncol(embedding)))
  )
  SingleCellExperiment::reducedDim(object, reduction.name) <- embedding
  S4Vectors::metadata(object)[[reduction.name]] <- smart_record(result, inputs)
  object
}
