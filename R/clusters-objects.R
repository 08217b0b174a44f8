# Clusters of an embedding in an object of a user, and back into it.

find_in_object <- function(object, n.clusters, reduction, method, n.pcs, resolution, cluster.name,
                           seed.use, verbose, ..., choose = FALSE, fn = "FindSMARTClusters") {
  check_cluster_dots(list(...), fn)
  if (is.list(object)) {
    names(object) <- section_names(object)
    check_one_run(lapply(object, find_record, reduction, fn), fn)
  }
  embedding <- embedding_in(object, reduction, fn)
  cluster.name <- cluster.name %||% default_cluster_name(reduction)
  check_name(cluster.name, "cluster.name", fn)
  wanted <- wanted_clusters(n.clusters, resolution, method, nrow(embedding), fn, choose)
  for (one in objects_in(object)) {
    check_cluster_name(one, cluster.name, fn, clustering_names(wanted, cluster.name))
  }
  found <- find_domains(
    embedding, wanted, cluster.name,
    seed.use = seed.use, n.pcs = n.pcs, verbose = verbose, fn = fn, ...
  )
  object <- keeping_results(put_domains(object, found, cluster.name, reduction))
  if (verbose) say_domains(found, cluster.name, class_of(object))
  object
}

objects_in <- function(object) if (is.list(object)) object else list(object)

# Cells x dimensions, without cells that have no values; of a list one below the other.
embedding_in <- function(object, reduction, fn) {
  if (is.list(object)) {
    names <- section_names(object)
    parts <- Map(function(one, name) {
      x <- embedding_in(one, reduction, fn)
      rownames(x) <- prefixed(name, rownames(x))
      x
    }, object, names)
    widths <- unique(vapply(parts, ncol, 1L))
    if (length(widths) > 1) {
      smart_abort(c(
        "The embeddings of the objects have {widths} dimensions.",
        "i" = "Those that {.code RunSMART(list(\u2026))} makes are of all sections together."
      ), fn = fn)
    }
    return(do.call(rbind, unname(lapply(parts, unname_columns))))
  }
  if (inherits(object, "Seurat")) {
    check_embedding_name(reduction, SeuratObject::Reductions(object), fn)
    return(SeuratObject::Embeddings(object[[reduction]]))
  }
  check_embedding_name(reduction, SingleCellExperiment::reducedDimNames(object), fn)
  embedding <- as.matrix(SingleCellExperiment::reducedDim(object, reduction))
  rownames(embedding) <- cell_names(object)
  embedding[!apply(is.na(embedding), 1, all), , drop = FALSE]
}

check_embedding_name <- function(reduction, there, fn = "FindSMARTClusters") {
  check_name(reduction, "reduction", fn)
  if (!reduction %in% there) {
    smart_abort(c(
      "There is no reduction {.val {reduction}}: run {.fn RunSMART} first.",
      "i" = "If it was there before {.fn merge}: {.fn SMARTMerge} merges objects and keeps it.",
      did_you_mean(reduction, there),
      "i" = if (length(there)) "The object has {.val {there}}."
    ), fn = fn)
  }
}

# Columns, identities, and what is remembered with the reduction.
put_domains <- function(object, found, cluster.name, reduction) {
  if (is.list(object)) {
    names <- section_names(object)
    object[] <- Map(function(one, name) {
      cells <- if (inherits(one, "Seurat")) colnames(one) else cell_names(one)
      put_domains(one, domains_of_section(found, name, cells), cluster.name, reduction)
    }, object, names)
    return(object)
  }
  remember <- function(kept) {
    kept$clustering[names(found$clustering)] <- found$clustering
    if (!is.null(found$n.clusters)) kept$n.clusters <- found$n.clusters
    kept
  }
  if (inherits(object, "Seurat")) {
    object <- store_domains(object, found, cluster.name, reduction)
    kept <- object[[reduction]]
    methods::slot(kept, "misc") <- remember(methods::slot(kept, "misc"))
    object[[reduction]] <- kept
    return(object)
  }
  object <- store_domains_sce(object, found, cluster.name, cell_names(object), reduction)
  kept <- S4Vectors::metadata(object)[[reduction]]
  # Whatever else a user keeps by that name stays.
  if (is.null(kept) || is.list(kept)) {
    S4Vectors::metadata(object)[[reduction]] <- remember(kept)
  }
  object
}

# Records of other reductions know no longer of columns that are overwritten.
store_domains <- function(object, found, cluster.name, reduction) {
  if (is.null(found$clusters)) {
    return(object)
  }
  if (!is.null(found$all.clusters)) {
    object <- SeuratObject::AddMetaData(object, rows_for(found$all.clusters, colnames(object)))
  }
  for (other in setdiff(names(smart_records(object)), reduction)) {
    kept <- methods::slot(object, "reductions")[[other]]
    methods::slot(kept, "misc")$clustering[names(found$clustering)] <- NULL
    methods::slot(object, "reductions")[[other]] <- kept
  }
  store_clusters(object, found$clusters, cluster.name)
}

# `cells` are the names that the columns went by on the way.
store_domains_sce <- function(object, found, cluster.name, cells, reduction) {
  if (is.null(found$clusters)) {
    return(object)
  }
  columns <- SummarizedExperiment::colData(object)
  if (!is.null(found$all.clusters)) {
    all <- rows_for(found$all.clusters, cells)
    columns[names(all)] <- lapply(all, unname)
  }
  columns[[cluster.name]] <- unname(found$clusters[cells])
  SummarizedExperiment::colData(object) <- columns
  for (other in setdiff(names(smart_records(object)), reduction)) {
    S4Vectors::metadata(object)[[other]]$clustering[names(found$clustering)] <- NULL
  }
  object
}

# Cells without clusters get NA.
rows_for <- function(table, cells) {
  table <- table[match(cells, rownames(table)), , drop = FALSE]
  rownames(table) <- cells
  table
}

# Clusters of one of several sections, whose cells went by section and name.
domains_of_section <- function(found, section, cells) {
  if (is.null(found$clusters)) {
    return(found)
  }
  cells <- cells[prefixed(section, cells) %in% names(found$clusters)]
  rows <- prefixed(section, cells)
  found$clusters <- stats::setNames(found$clusters[rows], cells)
  if (!is.null(found$all.clusters)) {
    found$all.clusters <- found$all.clusters[rows, , drop = FALSE]
    rownames(found$all.clusters) <- cells
  }
  found
}
