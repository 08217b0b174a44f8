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
    clustering = result$clustering,
    n.clusters = result$n.clusters,
    sections = if (is.null(sections)) NULL else table_of(sections),
    batches = if (is.null(inputs$batches)) NULL else table_of(inputs$batches)
  )
}

table_of <- function(x) {
  n <- table(factor(x, levels = unique(x)))
  stats::setNames(as.integer(n), names(n))
}

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
  # Those of an earlier run may be of other modalities.
  old <- find_contribution_columns(colnames(object[[]]), reduction.name)
  methods::slot(object, "meta.data")[old] <- NULL
  SeuratObject::AddMetaData(
    object, contribution_columns(result$contributions, colnames(object), reduction.name)
  )
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
  # As FindClusters() does it: cells without a cluster have no identity of before.
  SeuratObject::Idents(object) <- cluster.name
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

# `cells` are the names that the columns went by on the way.
store_sce <- function(object, result, inputs, reduction.name, reduction.key, cells) {
  # Cells that were left out have no values.
  embedding <- result$embedding[match(cells, rownames(result$embedding)), , drop = FALSE]
  dimnames(embedding) <- list(
    colnames(object), paste0(reduction.key, seq_len(ncol(embedding)))
  )
  SingleCellExperiment::reducedDim(object, reduction.name) <- embedding
  S4Vectors::metadata(object)[[reduction.name]] <- smart_record(result, inputs)
  about <- SummarizedExperiment::colData(object)
  about <- about[setdiff(colnames(about), find_contribution_columns(colnames(about), reduction.name))]
  columns <- contribution_columns(result$contributions, cells, reduction.name)
  about[names(columns)] <- as.list(columns)
  SummarizedExperiment::colData(object) <- about
  object
}
