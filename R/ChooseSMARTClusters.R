#' Choose the number of clusters of a SMART embedding
#'
#' Compares numbers of clusters by several criteria, takes the best, and finds clusters of each of
#' the numbers, so that others can be looked at, too.
#'
#' @details
#' The criteria are computed on at most 5000 cells, drawn at random.
#'
#' * `silhouette` (higher is better): how much nearer cells are to those of their own cluster than
#'   to those of the next one.
#' * `davies.bouldin` (lower is better): how wide clusters are beside the distances between them.
#' * `stability` (higher is better): the mean adjusted Rand index between the clusters of every two
#'   of five subsamples of 80 % of the cells, on the cells that both hold.
#'
#' `rank` is the mean of the ranks by each criterion, 1 being best; the number of smallest mean rank
#' is chosen, the fewer clusters on a tie. None of the criteria knows the right number. The first
#' two favour few, round, compact clusters of like size; stability is high whenever the coarsest
#' split is plain. Look at the curves ([SMARTClusterNumberPlot()]) and at the tissue: every number
#' compared is kept as a column.
#'
#' A number that the method cannot reach, or for which a criterion is undefined, has `NA` in the
#' table, no column, and a warning.
#'
#' @inheritParams FindSMARTClusters
#' @param n.clusters Numbers of clusters to compare, each from 2 to 80 % of the cells (of 5000 at
#'   most).
#' @param method Method to find clusters, as in [FindSMARTClusters()]. The default takes seconds,
#'   `"gmm"` and `"mclust"` take minutes.
#' @param cluster.name Column of the metadata for the best clusters. Those of each number are in
#'   columns of this name and the number: `smart_clusters.4`, `smart_clusters.5`, ....
#' @param ... `n.neighbors`: neighbours of a cell in the graph of `"leiden"` and `"louvain"` (50).
#'
#' @return The object with a column for each number, and one for the best; in a Seurat object the
#'   best also become the identities. The table of criteria is kept under `n.clusters` in the
#'   `Misc()` of the reduction, or in `metadata()`, where [SMARTClusterNumbers()] finds it; how each
#'   clustering was found is kept under `clustering`, as [FindSMARTClusters()] does. For a matrix a
#'   list of class `SMARTResult` with `embedding` (the matrix), `clusters` (the best),
#'   `all.clusters` (a data frame with a column for each number), `n.clusters` (the table) and
#'   `clustering`; what [RunSMART()] gives for matrices gets the same entries.
#' @references
#' Ben-Hur, Elisseeff and Guyon (2002). A stability based method for discovering structure in
#' clustered data. Pac Symp Biocomput 7, 6.
#'
#' Davies and Bouldin (1979). A cluster separation measure. IEEE Trans Pattern Anal 1, 224.
#'
#' Rousseeuw (1987). Silhouettes: a graphical aid to the interpretation and validation of cluster
#' analysis. J Comput Appl Math 20, 53.
#' @seealso [SMARTClusterNumbers()], [SMARTClusterNumberPlot()]; [FindSMARTClusters()] for clusters
#'   of given numbers; [RunSMART()], which does the same with several `n.clusters`.
#' @concept clustering
#' @export
#' @examples
#' # It needs Python and the core: see install_smartcore().
#' if (requireNamespace("Seurat", quietly = TRUE) && has_smartcore()) {
#'   object <- RunSMART(SimulateSMART())
#'   object <- ChooseSMARTClusters(object, n.clusters = 2:6)
#'   SMARTClusterNumbers(object)
#'   SMARTClusterNumberPlot(object)
#'   table(object$smart_clusters.3, object$smart_clusters.4)
#' }
ChooseSMARTClusters <- function(object, ...) {
  UseMethod("ChooseSMARTClusters")
}

#' @rdname ChooseSMARTClusters
#' @method ChooseSMARTClusters default
#' @export
ChooseSMARTClusters.default <- function(
    object,
    n.clusters = 2:15,
    method = NULL,
    n.pcs = "auto",
    seed.use = 42,
    verbose = TRUE,
    ...) {
  fn <- "ChooseSMARTClusters"
  if (!inherits(object, "SMARTResult")) {
    check_embedding_matrix(object, fn)
    object <- structure(list(embedding = object), class = "SMARTResult")
  }
  find_in_result(
    object, n.clusters, method, n.pcs, NULL, seed.use, verbose, ...,
    choose = TRUE, fn = fn
  )
}

#' @rdname ChooseSMARTClusters
#' @method ChooseSMARTClusters Seurat
#' @export
ChooseSMARTClusters.Seurat <- function(
    object,
    n.clusters = 2:15,
    reduction = "smart",
    method = NULL,
    n.pcs = "auto",
    cluster.name = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  object <- choose_in_object(
    object, n.clusters, reduction, method, n.pcs, cluster.name, seed.use, verbose, ...
  )
  params <- c(mget(setdiff(names(formals()), c("object", "..."))), list(...))
  log_clusters(object, match.call(expand.dots = TRUE), params)
}

#' @rdname ChooseSMARTClusters
#' @method ChooseSMARTClusters SingleCellExperiment
#' @export
ChooseSMARTClusters.SingleCellExperiment <- function(
    object,
    n.clusters = 2:15,
    reduction = "SMART",
    method = NULL,
    n.pcs = "auto",
    cluster.name = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  choose_in_object(
    object, n.clusters, reduction, method, n.pcs, cluster.name, seed.use, verbose, ...
  )
}

#' @rdname ChooseSMARTClusters
#' @method ChooseSMARTClusters list
#' @export
ChooseSMARTClusters.list <- function(
    object,
    n.clusters = 2:15,
    reduction = NULL,
    method = NULL,
    n.pcs = "auto",
    cluster.name = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  reduction <- reduction %||% usual_reduction(object, "ChooseSMARTClusters")
  choose_in_object(
    object, n.clusters, reduction, method, n.pcs, cluster.name, seed.use, verbose, ...
  )
}

choose_in_object <- function(object, n.clusters, reduction, method, n.pcs, cluster.name, seed.use,
                             verbose, ...) {
  find_in_object(
    object, n.clusters, reduction, method, n.pcs, NULL, cluster.name, seed.use, verbose, ...,
    choose = TRUE, fn = "ChooseSMARTClusters"
  )
}
