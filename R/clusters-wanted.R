# What clusters are asked for, checked before anything is computed.

cluster_methods <- c("shrunk", "mclust", "gmm", "leiden", "louvain", "kmeans")

graph_methods <- c("leiden", "louvain")

# `NULL` where none are asked for, else a list of
#   method                 a name of `cluster_methods`
#   numbers, resolutions   one or more; one of the two is NULL
#   choose                 whether the best of the numbers is to be found
# `n` is the number of cells, at most.
wanted_clusters <- function(n.clusters, resolution, method, n, fn = "FindSMARTClusters",
                            choose = fn == "RunSMART") {
  method <- cluster_method(method, fn)
  if (is.null(n.clusters) && is.null(resolution) && fn == "RunSMART") {
    return(NULL)
  }
  if (!is.null(n.clusters) && !is.null(resolution)) {
    smart_abort("Give either {.arg n.clusters} or {.arg resolution}, not both.", fn = fn)
  }
  if (!is.null(resolution)) {
    return(list(method = method, resolutions = check_resolution(resolution, method, fn)))
  }
  numbers <- check_n_clusters(n.clusters, n, choose, fn)
  list(method = method, numbers = numbers, choose = choose && length(numbers) > 1)
}

# What the columns of several clusterings are called, as Seurat calls those of several resolutions.
clustering_names <- function(wanted, cluster.name) {
  if (length(wanted$numbers) > 1) {
    paste0(cluster.name, ".", wanted$numbers)
  } else if (length(wanted$resolutions) > 1) {
    paste0(cluster.name, "_res.", wanted$resolutions)
  }
}

method_argument <- function(fn) if (fn == "RunSMART") "cluster.method" else "method"

cluster_method <- function(method, fn = "FindSMARTClusters") {
  if (is.null(method)) {
    return(cluster_methods[1])
  }
  argument <- method_argument(fn)
  if (!rlang::is_string(method)) {
    smart_abort("{.arg {argument}} must be one name, not {.obj_type_friendly {method}}.", fn = fn)
  }
  if (!method %in% cluster_methods) {
    smart_abort(c(
      "There is no method {.val {method}} to find clusters.",
      did_you_mean(method, cluster_methods),
      "i" = "Use {.or {.val {cluster_methods}}}."
    ), fn = fn)
  }
  if (method == "mclust" && !rlang::is_installed("mclust")) {
    smart_abort(c(
      "{.code {argument} = \"mclust\"} needs the package {.pkg mclust}, which is not installed.",
      "i" = "{.code install.packages(\"mclust\")}, or {.code {argument} = \"gmm\"}: the same model
             without it."
    ), fn = fn)
  }
  method
}

check_resolution <- function(resolution, method, fn) {
  if (!method %in% graph_methods) {
    argument <- method_argument(fn)
    smart_abort(c(
      "{.arg resolution} is for {.code {argument} = \"leiden\"} and {.val louvain}, not
       {.val {method}}.",
      "i" = "Other methods take {.arg n.clusters}."
    ), fn = fn)
  }
  good <- is.numeric(resolution) && length(resolution) > 0 && all(is.finite(resolution)) &&
    all(resolution > 0)
  if (!good) {
    smart_abort(c(
      "{.arg resolution} must be a number above 0, or several such, not {.val {resolution}}."
    ), fn = fn)
  }
  unique(as.numeric(resolution))
}

# Of the cells that numbers of clusters are compared on, and of these in each subsample: the core's.
most_compared <- 5000
share_compared <- 0.8

check_n_clusters <- function(n.clusters, n, choose, fn) {
  if (is.null(n.clusters)) {
    smart_abort(c(
      "{.arg n.clusters} is missing: say how many clusters to find.",
      "i" = "With {.code {method_argument(fn)} = \"leiden\"} or {.val louvain}, {.arg resolution}
             can be given instead."
    ), fn = fn)
  }
  if (!rlang::is_integerish(n.clusters, finite = TRUE) || length(n.clusters) == 0) {
    wrong_numbers(n.clusters, fn)
  }
  numbers <- unique(as.integer(n.clusters))
  several <- length(numbers) > 1
  if (fn == "ChooseSMARTClusters" && !several) {
    smart_abort(c(
      "{.arg n.clusters} must be two numbers or more to choose from, not {.val {numbers}}.",
      "i" = "{.fn FindSMARTClusters} finds clusters of one number."
    ), fn = fn)
  }
  choose <- choose && several
  least <- if (choose) 2 else 1
  most <- if (choose) floor(share_compared * min(n, most_compared)) else n
  bad <- numbers[numbers < least | numbers > most]
  if (length(bad)) {
    smart_abort(c(
      "{.arg n.clusters} must be {if (several) 'whole numbers' else 'a whole number'} from {least}
       to {most}{if (!choose) ', the number of cells'}, not {.val {bad}}.",
      "i" = if (choose) "They are compared on {share_compared * 100} % of {min(n, most_compared)}
                         cells.",
      "i" = if (fn == "RunSMART") "Leave it out to get the embedding alone."
    ), fn = fn)
  }
  if (choose) sort(numbers) else numbers
}

wrong_numbers <- function(n.clusters, fn) {
  # As the command line of the core takes them, or as text was read.
  range <- if (rlang::is_string(n.clusters)) gsub("\\s", "", sub("[-:]", ":", n.clusters))
  is_range <- !is.null(range) && grepl("^[0-9]+(:[0-9]+)?$", range)
  found <- if (is.numeric(n.clusters) && length(n.clusters)) {
    cli::format_inline("{.val {n.clusters}}")
  } else {
    cli::format_inline("{.obj_type_friendly {n.clusters}}")
  }
  smart_abort(c(
    "{.arg n.clusters} must be a whole number, or several such, not {found}.",
    "i" = if (is_range) "Without quotes: {.code n.clusters = {range}}.",
    "i" = if (fn == "RunSMART") "Leave it out to get the embedding alone."
  ), fn = fn)
}
