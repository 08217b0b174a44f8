#' @rdname FindSMARTClusters
#' @method FindSMARTClusters Seurat
#' @export
FindSMARTClusters.Seurat <- function(
    object,
    n.clusters = NULL,
    reduction = "smart",
    method = NULL,
    n.pcs = "auto",
    resolution = NULL,
    cluster.name = "smart_clusters",
    seed.use = 42,
    verbose = TRUE,
    ...) {
  fn <- "FindSMARTClusters"
  check_cluster_name(object, cluster.name, fn)
  check_embedding_name(reduction, SeuratObject::Reductions(object))
  embedding <- SeuratObject::Embeddings(object[[reduction]])
  found <- cluster_embedding(
    embedding, n.clusters, method, seed.use, n.pcs, resolution, verbose, ...
  )
  object <- store_clusters(object, found$clusters, cluster.name)
  kept <- object[[reduction]]
  methods::slot(kept, "misc")$clustering[[cluster.name]] <- found$record
  object[[reduction]] <- kept
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
    n.clusters = NULL,
    reduction = "SMART",
    method = NULL,
    n.pcs = "auto",
    resolution = NULL,
    cluster.name = "smart_clusters",
    seed.use = 42,
    verbose = TRUE,
    ...) {
  check_name(cluster.name, "cluster.name", "FindSMARTClusters")
  check_embedding_name(reduction, SingleCellExperiment::reducedDimNames(object))
  embedding <- as.matrix(SingleCellExperiment::reducedDim(object, reduction))
  cells <- cell_names(object)
  rownames(embedding) <- cells
  embedding <- embedding[!apply(is.na(embedding), 1, all), , drop = FALSE]
  found <- cluster_embedding(
    embedding, n.clusters, method, seed.use, n.pcs, resolution, verbose, ...
  )
  SummarizedExperiment::colData(object)[[cluster.name]] <- unname(found$clusters[cells])
  kept <- S4Vectors::metadata(object)[[reduction]]
  # Whatever else a user keeps by that name stays.
  if (is.null(kept) || is.list(kept)) {
    kept$clustering[[cluster.name]] <- found$record
    S4Vectors::metadata(object)[[reduction]] <- kept
  }
  object
}

check_embedding_name <- function(reduction, there, fn = "FindSMARTClusters") {
  check_name(reduction, "reduction", fn)
  if (!reduction %in% there) {
    smart_abort(c(
      "There is no reduction {.val {reduction}}: run {.fn RunSMART} first.",
      "i" = if (length(there)) "The object has {.val {there}}."
    ), fn = fn)
  }
}

cluster_embedding <- function(embedding, n.clusters, method, seed.use, n.pcs, resolution, verbose,
                              ...) {
  fn <- "FindSMARTClusters"
  method <- cluster_method(method, fn)
  check_number_of_clusters(n.clusters, resolution, method, fn)
  check_n_clusters(n.clusters, nrow(embedding), fn)
  found <- cluster_core(
    embedding, n.clusters,
    method = method, seed.use = seed.use, n.pcs = n.pcs, resolution = resolution, ...
  )
  if (verbose) say_clusters(found$clusters)
  found
}

say_clusters <- function(clusters) {
  n <- nlevels(clusters)
  sizes <- range(table(clusters))
  smart_inform(c("i" = "{n} cluster{?s}, the smallest of {sizes[1]} and the largest of {sizes[2]}
                        cells."))
}
