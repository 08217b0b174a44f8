#' Find clusters of a SMART embedding
#'
#' Clusters the cells by their embedding: the domains of the tissue. The embedding is reduced to
#' its first principal components, and these are clustered into a given number of clusters.
#'
#' @param object A Seurat object, SingleCellExperiment or SpatialExperiment; or an embedding: a
#'   numeric matrix cells x dimensions.
#' @param n.clusters Number of clusters, from 1 to the number of cells. Leave it out where
#'   `resolution` is given.
#' @param reduction Name of the reduction to cluster.
#' @param method `"shrunk"`, which `NULL` stands for, too: a mixture of Gaussians of one shape that
#'   is drawn towards a sphere, so that components of little variance say little; outlying values
#'   are capped, and many starts are followed to the likeliest mixture. `"mclust"`: a mixture of
#'   Gaussians of one full shape (model EEE) by R's package of this name, as in the paper, from its
#'   own start, from two that heed the variance of the components, and, where cells are two or more
#'   for each parameter of the mixture, from the clusters of `"gmm"`; the likeliest mixture is kept.
#'   `"gmm"`: the same model without mclust, from Ward's clusters and, with as many cells, from many
#'   of k-means. `"leiden"`, `"louvain"`: communities of the nearest-neighbour graph, at
#'   `resolution` or at one searched for the number of clusters. `"kmeans"`.
#' @param n.pcs Principal components of the embedding to cluster. `"auto"`: 15 for `"shrunk"`, and
#'   20, as in the paper, for the others. `NULL`: the embedding as it is.
#' @param resolution Resolution of `"leiden"` and `"louvain"`, above 0, instead of a number of
#'   clusters: higher ones give more of them.
#' @param cluster.name Column of the metadata for the clusters.
#' @param seed.use Seed, from 0 to 2^31 - 1. R's own random numbers are not touched.
#' @param verbose Say what was found.
#' @param ... `n.neighbors`: neighbours of a cell in the graph of `"leiden"` and `"louvain"` (50).
#'
#' @return The object with the clusters in its metadata: a factor of levels `"0"` (the largest),
#'   `"1"`, ...; in a Seurat object they also become the identities. How they were found is kept
#'   under `clustering` in the `Misc()` of the reduction, or in `metadata()`: the method, its
#'   settings, and for `"shrunk"` the fitted model, from which [SMARTMemberships()] gives the
#'   probability of each cluster for each cell, and `far`, the share of cells that are far from every
#'   cluster. For a matrix the factor, named by cell.
#' @references
#' Biernacki, Celeux and Govaert (2003). Choosing starting values for the EM algorithm for getting the
#' highest likelihood in multivariate Gaussian mixture models. Comput Stat Data Anal 41, 561.
#'
#' Scrucca et al. (2016). mclust 5: clustering, classification and density estimation using
#' Gaussian finite mixture models. The R Journal 8, 289.
#' @seealso [RunSMART()], which does it with its argument `n.clusters`; [SMARTMemberships()].
#' @concept clustering
#' @export
#' @examples
#' # It needs Python and the core: see install_smartcore().
#' if (has_smartcore()) {
#'   embedding <- rbind(matrix(rnorm(200), 50), matrix(rnorm(120, 5), 30))
#'   clusters <- FindSMARTClusters(embedding, n.clusters = 2)
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
    n.clusters = NULL,
    method = NULL,
    n.pcs = "auto",
    resolution = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  if (inherits(object, "SMARTResult")) {
    found <- cluster_embedding(
      object$embedding, n.clusters, method, seed.use, n.pcs, resolution, verbose, ...
    )
    object$clusters <- found$clusters
    object$clustering <- list(clusters = found$record)
    return(object)
  }
  if (!is.matrix(object) || !is.numeric(object)) {
    smart_abort(c(
      "{.arg object} must be a Seurat object, a SingleCellExperiment or an embedding: a numeric
       matrix cells x dimensions.",
      "x" = "It is {.obj_type_friendly {object}}."
    ), fn = "FindSMARTClusters")
  }
  cluster_embedding(object, n.clusters, method, seed.use, n.pcs, resolution, verbose, ...)$clusters
}
