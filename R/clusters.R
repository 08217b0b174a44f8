# Clusters by the core.

# Clusters of an embedding (cells x d): `clusters`, a factor, named by cell, of levels "0" (the
# largest), "1", ...; and `record`, what is remembered of them. `about` begins what the core says.
cluster_core <- function(embedding, n.clusters = NULL, method = NULL, seed.use = 42, n.pcs = "auto",
                         n.neighbors = 50, resolution = NULL, verbose = FALSE, about = NULL,
                         fn = "FindSMARTClusters") {
  seed <- check_seed(seed.use, fn)
  method <- cluster_method(method, fn)
  n_pcs <- pcs_or_auto(n.pcs, fn)
  n_neighbors <- whole_or_null(n.neighbors, "n.neighbors", fn)
  core <- core(fn, verbose)
  k <- if (!is.null(n.clusters)) as.integer(n.clusters)
  x <- unname(embedding)
  if (method == "mclust") {
    found <- call_core(fn, cluster_mclust(core, x, k, n_pcs, seed, fn))
  } else {
    relay <- new_relay(verbose, fn)
    on.exit(relay$tell_warnings())
    found <- reticulate::py_to_r(call_core(fn, core$cluster(
      x, k, method,
      n_pcs = n_pcs, n_neighbors = n_neighbors, resolution = resolution, seed = seed,
      notify = called_by_python(relay$notify_about(about))
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

# Arrays of one dimension are vectors in R.
plain_model <- function(model) {
  lapply(model, function(x) if (length(dim(x)) == 2) x else as.vector(x))
}

pcs_or_auto <- function(n.pcs, fn) {
  if (identical(n.pcs, "auto")) "auto" else whole_or_null(n.pcs, "n.pcs", fn)
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
      "i" = if (fn == "RunSMART") {
        "Ask for fewer clusters, use {.code cluster.method = \"gmm\"}, or cluster fewer components:
         {.code FindSMARTClusters(object, {k}, method = \"mclust\", n.pcs = 10)}."
      } else {
        "Ask for fewer clusters, lower {.arg n.pcs}, or use {.code method = \"gmm\"}."
      }
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
