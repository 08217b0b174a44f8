#' Find clusters of a SMART embedding
#'
#' Clusters the cells by their embedding, into a given number of clusters: the domains of the
#' tissue. The embedding is reduced to its first principal components, and these are clustered,
#' as in the paper by mclust's model EEE (Gaussians of one shape).
#'
#' @param object A Seurat object, SingleCellExperiment or SpatialExperiment; or an embedding: a
#'   numeric matrix cells x dimensions.
#' @param n.clusters Number of clusters, from 1 to the number of cells.
#' @param reduction Name of the reduction to cluster.
#' @param method `"mclust"`: by R's package of this name, from its own start, from two that heed the
#'   variance of the components, and, where cells are two or more for each parameter of the mixture,
#'   from the clusters of `"gmm"`; the likeliest mixture is kept. `"gmm"`: the same model without
#'   mclust, from Ward's clusters and, with as many cells, from many of k-means.
#'   `"leiden"`, `"louvain"`: communities of the nearest-neighbour graph, at a resolution searched
#'   for the number of clusters. `"kmeans"`. `NULL`: `"mclust"` where it is installed, otherwise
#'   `"gmm"`.
#' @param n.pcs Principal components of the embedding to cluster. `NULL`: the embedding as it is.
#' @param cluster.name Column of the metadata for the clusters.
#' @param seed.use Seed, from 0 to 2^31 - 1. R's own random numbers are not touched.
#' @param verbose Say what was found.
#' @param ... `n.neighbors`: neighbours of a cell in the graph of `"leiden"` and `"louvain"` (50).
#'
#' @return The object with the clusters in its metadata: a factor of levels `"0"` (the largest),
#'   `"1"`, ...; in a Seurat object they also become the identities. For a matrix the factor,
#'   named by cell.
#' @references
#' Scrucca et al. (2016). mclust 5: clustering, classification and density estimation using
#' Gaussian finite mixture models. The R Journal 8, 289.
#' @seealso [RunSMART()], which does it with its argument `n.clusters`.
#' @concept clustering
#' @export
#' @examples
#' # It needs Python and the core: see install_smartcore().
#' if (has_smartcore()) {
#'   embedding <- rbind(matrix(rnorm(200), 50), matrix(rnorm(120, 5), 30))
#'   clusters <- FindSMARTClusters(embedding, n.clusters = 2, method = "gmm")
#'   table(clusters, rep(c("one", "other"), c(50, 30)))
#' }
#'
#' if (requireNamespace("Seurat", quietly = TRUE) && has_smartcore()) {
#'   object <- RunSMART(SimulateSMART(), epochs = 50)
#'   object <- FindSMARTClusters(object, n.clusters = 4)
#'   table(object$smart_clusters, object$domain)
#' }
FindSMARTClusters <- function(object, ...) {
  UseMethod("FindSMARTClusters")
}

#' @rdname FindSMARTClusters
#' @method FindSMARTClusters default
#' @export
FindSMARTClusters.default <- function(
    object,
    n.clusters,
    method = NULL,
    n.pcs = 20,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  if (inherits(object, "SMARTResult")) {
    object$clusters <- FindSMARTClusters(
      object$embedding, n.clusters,
      method = method, n.pcs = n.pcs, seed.use = seed.use, verbose = verbose, ...
    )
    return(object)
  }
  if (!is.matrix(object) || !is.numeric(object)) {
    smart_abort(c(
      "{.arg object} must be a Seurat object, a SingleCellExperiment or an embedding: a numeric
       matrix cells x dimensions.",
      "x" = "It is {.obj_type_friendly {object}}."
    ), fn = "FindSMARTClusters")
  }
  cluster_embedding(object, n.clusters, method, seed.use, n.pcs, verbose, ...)
}
