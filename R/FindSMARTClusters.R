#' Find clusters of a SMART embedding
#'
#' Clusters the cells by their embedding: the domains of the tissue. The embedding is reduced to
#' its first principal components, and these are clustered into a given number of clusters, or
#' into several such. [ChooseSMARTClusters()] compares numbers of clusters and picks one.
#'
#' @param object A Seurat object, SingleCellExperiment or SpatialExperiment; a list of such that
#'   [RunSMART()] embedded together, whose cells are clustered together; or an embedding: a numeric
#'   matrix cells x dimensions.
#' @param n.clusters Number of clusters, from 1 to the number of cells; or several, such as `4:8`.
#'   Leave it out where `resolution` is given.
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
#'   clusters: higher ones give more of them. It may be several.
#' @param cluster.name Column of the metadata for the clusters. `NULL`: `"smart_clusters"`, or for
#'   another reduction its name and `_clusters`. Several clusterings have a column
#'   each, `smart_clusters.4`, `smart_clusters.5`, ... for numbers of clusters and
#'   `smart_clusters_res.0.4`, ... for resolutions; the last of them is in `smart_clusters`, too.
#' @param seed.use Seed, from 0 to 2^31 - 1. R's own random numbers are not touched.
#' @param verbose Say what was found.
#' @param ... `n.neighbors`: neighbours of a cell in the graph of `"leiden"` and `"louvain"` (50).
#'
#' @return The object with the clusters in its metadata: a factor of levels `"0"` (the largest),
#'   `"1"`, ...; in a Seurat object they also become the identities. Of several clusterings the last
#'   one does, as with Seurat's `FindClusters()`. How they were found is kept under `clustering` in
#'   the `Misc()` of the reduction, or in `metadata()`, by the name of the column: the method, its
#'   settings, and for `"shrunk"` the fitted model, from which [SMARTMemberships()] gives the
#'   probability of each cluster for each cell, and `far`, the share of cells that are far from
#'   every cluster. For a matrix the factor, named by cell; of several clusterings a data frame of
#'   such factors, with columns `clusters.4`, ....
#' @references
#' Biernacki, Celeux and Govaert (2003). Choosing starting values for the EM algorithm for getting the
#' highest likelihood in multivariate Gaussian mixture models. Comput Stat Data Anal 41, 561.
#'
#' Scrucca et al. (2016). mclust 5: clustering, classification and density estimation using
#' Gaussian finite mixture models. The R Journal 8, 289.
#' @seealso [RunSMART()], which does it with its argument `n.clusters`; [ChooseSMARTClusters()];
#'   [SMARTMemberships()].
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
#'   object <- RunSMART(SimulateSMART())
#'   object <- FindSMARTClusters(object, n.clusters = 4)
#'   table(object$smart_clusters, object$domain)
#'   object <- FindSMARTClusters(object, n.clusters = 3:5)
#'   table(object$smart_clusters.3, object$smart_clusters.4)
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
  fn <- "FindSMARTClusters"
  if (inherits(object, "SMARTResult")) {
    return(find_in_result(
      object, n.clusters, method, n.pcs, resolution, seed.use, verbose, ...,
      fn = fn
    ))
  }
  check_embedding_matrix(object, fn)
  check_cluster_dots(list(...), fn)
  wanted <- wanted_clusters(n.clusters, resolution, method, nrow(object), fn)
  found <- find_domains(
    object, wanted, "clusters",
    seed.use = seed.use, n.pcs = n.pcs, verbose = verbose, fn = fn, ...
  )
  if (verbose) say_domains(found["clusters"], NULL, "matrix")
  found$all.clusters %||% found$clusters
}

check_embedding_matrix <- function(object, fn) {
  if (!is.matrix(object) || !is.numeric(object)) {
    smart_abort(c(
      "{.arg object} must be a Seurat object, a SingleCellExperiment or an embedding: a numeric
       matrix cells x dimensions.",
      "x" = "It is {.obj_type_friendly {object}}."
    ), fn = fn)
  }
}

# In what RunSMART() gives for matrices.
find_in_result <- function(object, n.clusters, method, n.pcs, resolution, seed.use, verbose, ...,
                           choose = FALSE, fn) {
  check_cluster_dots(list(...), fn)
  wanted <- wanted_clusters(n.clusters, resolution, method, nrow(object$embedding), fn, choose)
  found <- find_domains(
    object$embedding, wanted, "clusters",
    seed.use = seed.use, n.pcs = n.pcs, verbose = verbose, fn = fn, ...
  )
  # What there was of other clusterings goes.
  object[c("clusters", "clustering", "all.clusters")] <- NULL
  object[names(Filter(Negate(is.null), found))] <- Filter(Negate(is.null), found)
  if (verbose) say_domains(found, "clusters", "matrix")
  object
}

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
    cluster.name = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  object <- find_in_object(
    object, n.clusters, reduction, method, n.pcs, resolution, cluster.name, seed.use, verbose, ...
  )
  params <- c(mget(setdiff(names(formals()), c("object", "..."))), list(...))
  log_clusters(object, match.call(expand.dots = TRUE), params)
}

log_clusters <- function(object, call, params) {
  reduction <- params$reduction
  log_command(object, smart_command(
    call, params, SeuratObject::DefaultAssay(object[[reduction]]),
    if (reduction != "smart") reduction
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
    cluster.name = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  find_in_object(
    object, n.clusters, reduction, method, n.pcs, resolution, cluster.name, seed.use, verbose, ...
  )
}

#' @rdname FindSMARTClusters
#' @method FindSMARTClusters list
#' @export
FindSMARTClusters.list <- function(
    object,
    n.clusters = NULL,
    reduction = NULL,
    method = NULL,
    n.pcs = "auto",
    resolution = NULL,
    cluster.name = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  reduction <- reduction %||% usual_reduction(object, "FindSMARTClusters")
  find_in_object(
    object, n.clusters, reduction, method, n.pcs, resolution, cluster.name, seed.use, verbose, ...
  )
}

# That of RunSMART() for a list of objects of one kind.
usual_reduction <- function(object, fn) {
  kinds <- unique(vapply(object, class_of, ""))
  if (identical(kinds, "Seurat")) {
    return("smart")
  }
  if (identical(kinds, "Bioconductor")) {
    return("SMART")
  }
  classes <- unique(vapply(object, function(x) class(x)[1], ""))
  smart_abort(c(
    "A list must hold Seurat objects alone, or SingleCellExperiments alone.",
    "x" = if (length(classes)) "It holds objects of class {.val {classes}}." else "It is empty."
  ), fn = fn)
}
