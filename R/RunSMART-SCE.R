#' @rdname RunSMART
#' @method RunSMART SingleCellExperiment
#' @export
RunSMART.SingleCellExperiment <- function(
    object,
    assays = NULL,
    modalities = NULL,
    features = NULL,
    layer = "counts",
    reduction = NULL,
    dims = NULL,
    coords = NULL,
    coord.cols = NULL,
    section.by = NULL,
    batch.by = NULL,
    n.clusters = NULL,
    cluster.name = "smart_clusters",
    cluster.method = NULL,
    reduction.name = "SMART",
    reduction.key = "SMART_",
    check.counts = TRUE,
    in.tissue = TRUE,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  check_reduced_dim_name(object, reduction.name)
  check_name(reduction.key, "reduction.key")
  check_name(cluster.name, "cluster.name")
  check_n_clusters(n.clusters, ncol(object))
  cluster_method(cluster.method, "RunSMART")
  reader <- read_sce(object)
  inputs <- collect(
    reader,
    assays = assays, modalities = modalities, features = features, layer = layer,
    reduction = reduction, dims = dims, coords = coords, coord.cols = coord.cols,
    section.by = section.by, batch.by = batch.by, check.counts = check.counts,
    in.tissue = in.tissue, verbose = verbose
  )
  result <- run_inputs(
    inputs, n.clusters, cluster.method, cluster.name, seed.use, check.counts, verbose, ...
  )
  object <- store_sce(object, result, inputs, reduction.name, reduction.key, reader$cells)
  if (!is.null(result$clusters)) {
    SummarizedExperiment::colData(object)[[cluster.name]] <- unname(result$clusters[reader$cells])
  }
  object
}

# The main experiment and the alternative ones, as assays of one object.
read_sce <- function(object) {
  main <- SingleCellExperiment::mainExpName(object) %||% "main"
  cells <- cell_names(object)
  # `layer` is what Bioconductor calls an assay.
  experiment <- function(name) {
    if (name == main) object else SingleCellExperiment::altExp(object, name)
  }
  list(
    cells = cells,
    off_tissue = function() marked_outside(SummarizedExperiment::colData(object), cells),
    assays = c(main, SingleCellExperiment::altExpNames(object)),
    default = main,
    describe = function(name) list(classes = character(), features = rownames(experiment(name))),
    is_filled = function(name, layer) {
      from <- experiment(name)
      layer %in% SummarizedExperiment::assayNames(from) && all(dim(from) > 0)
    },
    counts = function(name, layer, features, check.counts) {
      experiment_counts(experiment(name), name, layer, features, check.counts, cells)
    },
    reductions = SingleCellExperiment::reducedDimNames(object),
    embedding = function(name) {
      x <- as.matrix(SingleCellExperiment::reducedDim(object, name))
      rownames(x) <- cells
      x
    },
    # A reducedDim does not say where it comes from.
    assay_of = function(name) NA_character_,
    places = function(coords, coord.cols, section.by, batch.by, verbose) {
      places_sce(object, cells, coords, coord.cols, section.by, batch.by)
    }
  )
}

# Names of the columns where these are unique, else numbers.
cell_names <- function(object) {
  names <- colnames(object)
  if (is.null(names) || anyDuplicated(names)) paste0("cell", seq_len(ncol(object))) else names
}

experiment_counts <- function(from, name, layer, features, check.counts, cells) {
  there <- SummarizedExperiment::assayNames(from)
  if (!layer %in% there || any(dim(from) == 0)) {
    smart_abort(c(
      "Experiment {.val {name}} has no assay {.val {layer}}, or an empty one.",
      "i" = "Its assays are {.val {there}}; name one with {.arg layer}."
    ))
  }
  counts <- SummarizedExperiment::assay(from, layer)
  if (is.null(rownames(counts))) {
    rownames(counts) <- paste0("feature", seq_len(nrow(counts)))
  }
  colnames(counts) <- cells
  join_parts(stats::setNames(list(counts), layer), name, features, check.counts)
}
