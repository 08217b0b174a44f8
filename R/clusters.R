# Clusters by the core.

cluster_methods <- c("shrunk", "mclust", "gmm", "leiden", "louvain", "kmeans")

# Clusters of an embedding (cells x d): `clusters`, a factor, named by cell, of levels "0" (the
# largest), "1", ...; and `record`, what is remembered of them.
cluster_core <- function(embedding, n.clusters = NULL, method = NULL, seed.use = 42, n.pcs = "auto",
                         n.neighbors = 50, resolution = NULL, fn = "FindSMARTClusters") {
  seed <- check_seed(seed.use, fn)
  method <- cluster_method(method, fn)
  n_pcs <- if (identical(n.pcs, "auto")) "auto" else whole_or_null(n.pcs, "n.pcs", fn)
  n_neighbors <- whole_or_null(n.neighbors, "n.neighbors", fn)
  core <- core(fn)
  k <- if (!is.null(n.clusters)) as.integer(n.clusters)
  x <- unname(embedding)
  if (method == "mclust") {
    found <- call_core(fn, cluster_mclust(core, x, k, n_pcs, seed, fn))
  } else {
    relay <- new_relay(verbose = FALSE)
    on.exit(relay$tell_warnings())
    found <- reticulate::py_to_r(call_core(fn, core$cluster(
      x, k, method,
      n_pcs = n_pcs, n_neighbors = n_neighbors, resolution = resolution, seed = seed,
      notify = called_by_python(relay$notify)
    )))
  }
  labels <- as.vector(found$labels)
  clusters <- stats::setNames(factor(labels, levels = seq(0, max(labels))), rownames(embedding))
  is_graph <- method %in% graph_methods
  record <- list(
    method = method,
    n.clusters = nlevels(clusters),
    n.pcs = found$n_pcs,
    n.neighbors = if (is_graph) n_neighbors,
    resolution = found$resolution,
    seed.use = seed,
    far = found$far,
    model = if (!is.null(found$model)) plain_model(found$model)
  )
  list(clusters = clusters, record = Filter(Negate(is.null), record))
}

graph_methods <- c("leiden", "louvain")

# Arrays of one dimension are vectors in R.
plain_model <- function(model) {
  lapply(model, function(x) if (length(dim(x)) == 2) x else as.vector(x))
}

cluster_method <- function(method, fn = "FindSMARTClusters") {
  if (is.null(method)) {
    return(cluster_methods[1])
  }
  if (!rlang::is_string(method) || !method %in% cluster_methods) {
    smart_abort(c(
      "There is no method {.val {method}} to find clusters.",
      "i" = "Use {.or {.val {cluster_methods}}}."
    ), fn = fn)
  }
  if (method == "mclust" && !rlang::is_installed("mclust")) {
    smart_abort(c(
      "{.code method = \"mclust\"} needs the package {.pkg mclust}, which is not installed.",
      "i" = "{.code install.packages(\"mclust\")}, or {.code method = \"gmm\"}: the same model
             without it."
    ), fn = fn)
  }
  method
}

# Either a number of clusters or a resolution.
check_number_of_clusters <- function(n.clusters, resolution, method, fn) {
  if (is.null(resolution)) {
    if (is.null(n.clusters)) {
      smart_abort(c(
        "{.arg n.clusters} is missing: say how many clusters to find.",
        "i" = "With {.code method = \"leiden\"} or {.val louvain}, {.arg resolution} can be given
               instead."
      ), fn = fn)
    }
    return(invisible())
  }
  if (!is.null(n.clusters)) {
    smart_abort("Give either {.arg n.clusters} or {.arg resolution}, not both.", fn = fn)
  }
  if (!method %in% graph_methods) {
    smart_abort(c(
      "{.arg resolution} is for {.code method = \"leiden\"} and {.val louvain}, not
       {.val {method}}.",
      "i" = "Other methods take {.arg n.clusters}."
    ), fn = fn)
  }
  number <- rlang::is_scalar_double(resolution) || rlang::is_scalar_integer(resolution)
  if (!number || !is.finite(resolution) || resolution <= 0) {
    smart_abort("{.arg resolution} must be one number above 0, not {.val {resolution}}.", fn = fn)
  }
}

whole_or_null <- function(x, what, fn) {
  if (is.null(x)) {
    return(NULL)
  }
  if (!rlang::is_scalar_integerish(x, finite = TRUE) || x < 1) {
    smart_abort("{.arg {what}} must be one whole number from 1 up, or NULL, not {.val {x}}.",
      fn = fn
    )
  }
  as.integer(x)
}

# R's own mclust between the steps of the core before and after it.
cluster_mclust <- function(core, x, k, n_pcs, seed, fn) {
  input <- reticulate::py_to_r(core$mclust_input(x, k, n_pcs, seed))
  if (!is.null(input$labels)) {
    return(input[c("labels", "n_pcs")])
  }
  fit_eee <- mclust_function(core)
  found <- fit_eee(input$x, k, seed, list(as.integer(input$partition) + 1L))[[1]]
  if (length(found$labels) != nrow(x) || anyNA(found$labels)) {
    smart_abort(c(
      "mclust cannot fit {k} clusters of one shape to {nrow(x)} cells in {ncol(input$x)} dimensions.",
      "x" = if (length(found$notes)) "mclust says: {found$notes}",
      "i" = "Ask for fewer clusters, lower {.arg n.pcs}, or use {.code method = \"gmm\"}."
    ), fn = fn)
  }
  labels <- reticulate::py_to_r(core$by_size(as.array(found$labels), as.array(input$order)))
  for (note in found$notes) cli::cli_warn("mclust: {note}")
  empty <- k - 1L - max(labels)
  if (empty > 0) {
    cli::cli_warn("{empty} of the {k} clusters {?holds/hold} no cell: {k - empty} are returned.")
  }
  list(labels = labels, n_pcs = input$n_pcs)
}

# The core holds the code, which it runs without this package: so both find the same clusters.
mclust_function <- function(core) {
  eval(rlang::parse_expr(reticulate::py_to_r(core$mclust_code())), baseenv())
}
