#' Probabilities of the clusters for each cell
#'
#' [FindSMARTClusters()] and [RunSMART()] with `method = "shrunk"`, the default, fit a mixture of
#' Gaussians. `SMARTMemberships()` returns the probability of each cluster for each cell under that
#' model. It is close to 1 in the middle of a domain and lower where two domains meet. The
#' probabilities are computed from the embedding that the object holds, so that it may have been
#' subset, or its cells renamed, since then.
#'
#' @param object A Seurat object, SingleCellExperiment or SpatialExperiment with clusters; or what
#'   [RunSMART()] gives for matrices.
#' @param cluster.name Column of the metadata with the clusters, such as `smart_clusters.6` where
#'   there are clusterings into several numbers of clusters.
#' @param reduction Name of the reduction that was clustered.
#' @param ... Not used.
#'
#' @return A matrix cells x clusters whose rows have a sum of 1; its columns are the levels of the
#'   clusters.
#' @seealso [FindSMARTClusters()]
#' @concept clustering
#' @export
#' @examples
#' if (requireNamespace("Seurat", quietly = TRUE) && has_smartcore()) {
#'   object <- RunSMART(SimulateSMART(), n.clusters = 4)
#'   probabilities <- SMARTMemberships(object)
#'   object$smart_confidence <- apply(probabilities, 1, max)
#'   summary(object$smart_confidence)
#' }
SMARTMemberships <- function(object, ...) {
  UseMethod("SMARTMemberships")
}

#' @rdname SMARTMemberships
#' @method SMARTMemberships Seurat
#' @export
SMARTMemberships.Seurat <- function(
    object,
    cluster.name = NULL,
    reduction = "smart",
    ...) {
  fn <- "SMARTMemberships"
  check_no_dots(list(...), names(formals()), fn)
  check_embedding_name(reduction, SeuratObject::Reductions(object), fn)
  kept <- object[[reduction]]
  cluster.name <- cluster.name %||% default_cluster_name(reduction)
  model <- model_of(methods::slot(kept, "misc")$clustering, cluster.name)
  memberships(SeuratObject::Embeddings(kept), model)
}

#' @rdname SMARTMemberships
#' @method SMARTMemberships SingleCellExperiment
#' @export
SMARTMemberships.SingleCellExperiment <- function(
    object,
    cluster.name = NULL,
    reduction = "SMART",
    ...) {
  fn <- "SMARTMemberships"
  check_no_dots(list(...), names(formals()), fn)
  check_embedding_name(reduction, SingleCellExperiment::reducedDimNames(object), fn)
  kept <- S4Vectors::metadata(object)[[reduction]]
  cluster.name <- cluster.name %||% default_cluster_name(reduction)
  model <- model_of(if (is.list(kept)) kept$clustering, cluster.name)
  embedding <- as.matrix(SingleCellExperiment::reducedDim(object, reduction))
  rownames(embedding) <- colnames(object)
  memberships(embedding, model)
}

#' @rdname SMARTMemberships
#' @method SMARTMemberships default
#' @export
SMARTMemberships.default <- function(object, cluster.name = "clusters", ...) {
  if (!inherits(object, "SMARTResult")) {
    smart_abort(c(
      "{.arg object} must be a Seurat object, a SingleCellExperiment, or what {.fn RunSMART} gives
       for matrices.",
      "x" = "It is {.obj_type_friendly {object}}."
    ), fn = "SMARTMemberships")
  }
  check_no_dots(list(...), names(formals()), "SMARTMemberships")
  memberships(object$embedding, model_of(object$clustering, cluster.name))
}

model_of <- function(clustering, cluster.name) {
  fn <- "SMARTMemberships"
  check_name(cluster.name, "cluster.name", fn)
  found <- clustering[[cluster.name]]
  if (is.null(found)) {
    smart_abort(c(
      "There are no clusters {.val {cluster.name}} of this reduction.",
      "i" = if (length(clustering)) "There are {.val {names(clustering)}}.",
      "i" = "Find them with {.fn FindSMARTClusters}, or name others by {.arg cluster.name}."
    ), fn = fn)
  }
  # Where there is one cluster, nothing was fitted.
  if (identical(as.integer(found$n.clusters), 1L)) {
    return(NULL)
  }
  if (is.null(found$model)) {
    smart_abort(c(
      "The clusters {.val {cluster.name}} by {.code method = \"{found$method}\"} have no fitted
       model.",
      "i" = "Those of {.code FindSMARTClusters(object, n.clusters, method = \"shrunk\")} have one."
    ), fn = fn)
  }
  found$model
}

# As the core's Mixture has it.
memberships <- function(embedding, model) {
  if (is.null(model)) {
    return(matrix(1, nrow(embedding), 1, dimnames = list(rownames(embedding), "0")))
  }
  if (ncol(embedding) != length(model$center)) {
    smart_abort(c(
      "The reduction has {ncol(embedding)} dimension{?s}, its clusters were found in
       {length(model$center)}.",
      "i" = "Run {.fn FindSMARTClusters} again."
    ), fn = "SMARTMemberships")
  }
  scores <- sweep(embedding, 2, model$center) %*% model$axes
  scores <- pmin(pmax(scores, rep(model$lower, each = nrow(scores))),
    rep(model$upper, each = nrow(scores))
  )
  slopes <- solve(model$covariance, t(model$means))
  offsets <- log(model$weights) - colSums(slopes * t(model$means)) / 2
  log_density <- sweep(scores %*% slopes, 2, offsets, "+")
  density <- exp(log_density - apply(log_density, 1, max))
  probabilities <- density / rowSums(density)
  dimnames(probabilities) <- list(rownames(embedding), seq_along(model$weights) - 1)
  probabilities
}
