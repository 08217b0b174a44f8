#' @rdname FindSMARTClusters
#' @method FindSMARTClusters Seurat
#' @export
FindSMARTClusters.Seurat <- function(
    object,
    n.clusters,
    reduction = "smart",
    method = NULL,
    n.pcs = 20,
    cluster.name = "smart_clusters",
    seed.use = 42,
    verbose = TRUE,
    ...) {
  fn <- "FindSMARTClusters"
  check_cluster_name(object, cluster.name, fn)
  check_embedding_name(reduction, SeuratObject::Reductions(object))
  embedding <- SeuratObject::Embeddings(object[[reduction]])
  clusters <- cluster_embedding(embedding, n.clusters, method, seed.use, n.pcs, verbose, ...)
  object <- store_clusters(object, clusters, cluster.name)
  params <- c(mget(setdiff(names(formals()), c("object", "..."))), list(...))
  assay <- SeuratObject::DefaultAssay(object[[reduction]])
  log_command(object, smart_command(
    match.call(expand.dots = TRUE), params, assay, if (reduction != "smart") reduction
  ))
}

#' @rdname FindSMARTClusters
#' @method FindSMARTClusters SingleCellExperiment
#' @export
FindSMARTClusters.SingleCellExperiment <- function(
    object,
    n.clusters,
    reduction = "SMART",
    method = NULL,
    n.pcs = 20,
    cluster.name = "smart_clusters",
    seed.use = 42,
    verbose = TRUE,
    ...) {
  check_name(cluster.name, "cluster.name", "FindSMARTClusters")
  check_embedding_name(reduction, SingleCellExperiment::reducedDimNames(object))
  embedding <- as.matrix(SingleCellExperiment::reducedDim(object, reduction))
  cells <- cell_names(object)
  rownames(embedding) <- cells
  clusters <- cluster_embedding(embedding, n.clusters, method, seed.use, n.pcs, verbose, ...)
  SummarizedExperiment::colData(object)[[cluster.name]] <- unname(clusters[cells])
  object
}

check_embedding_name <- function(reduction, there) {
  fn <- "FindSMARTClusters"
  check_name(reduction, "reduction", fn)
  if (!reduction %in% there) {
    smart_abort(c(
      "There is no reduction {.val {reduction}}: run {.fn RunSMART} first.",
      "i" = if (length(there)) "The object has {.val {there}}."
    ), fn = fn)
  }
}

cluster_embedding <- function(embedding, n.clusters, method, seed.use, n.pcs, verbose, ...) {
  fn <- "FindSMARTClusters"
  if (missing(n.clusters) || is.null(n.clusters)) {
    smart_abort("{.arg n.clusters} is missing: say how many clusters to find.", fn = fn)
  }
  check_n_clusters(n.clusters, nrow(embedding), fn)
  clusters <- cluster_core(
    embedding, n.clusters, method = method, seed.use = seed.use, n.pcs = n.pcs, ...
  )
  clusters <- stats::setNames(clusters, rownames(embedding))
  if (verbose) {
    n <- nlevels(clusters)
    smart_inform(c("i" = "{n} cluster{?s} of {range(table(clusters))} cells."))
  }
  clusters
}
