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
    cluster.name = NULL,
    cluster.method = NULL,
    resolution = NULL,
    reduction.name = "SMART",
    reduction.key = "SMART_",
    check.counts = TRUE,
    in.tissue = TRUE,
    checkpoint = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  check_valid(object)
  check_reduced_dim_name(object, reduction.name)
  cluster.name <- cluster.name %||% default_cluster_name(reduction.name)
  check_name(reduction.key, "reduction.key")
  wanted <- wanted_clusters(n.clusters, resolution, cluster.method, ncol(object), "RunSMART")
  check_cluster_name(object, cluster.name, columns = clustering_names(wanted, cluster.name))
  checkpoint <- check_checkpoint(checkpoint)
  reader <- read_sce(object)
  dots <- list(...)
  own <- names(formals())
  inputs <- collect(
    reader,
    assays = assays, modalities = modalities, features = features, layer = layer,
    reduction = reduction, dims = dims, coords = coords, coord.cols = coord.cols,
    section.by = section.by, batch.by = batch.by, check.counts = check.counts,
    in.tissue = in.tissue, verbose = verbose,
    check = function(plan) check_settings(dots, own, plan, seed.use, check.counts, verbose)
  )
  result <- run_inputs(
    inputs, wanted, cluster.name, seed.use, check.counts, checkpoint, verbose, ...
  )
  if (verbose) say_stale(object, result, reduction.name)
  object <- store_sce(object, result, inputs, reduction.name, reduction.key, reader$cells)
  object <- store_domains_sce(object, result, cluster.name, reader$cells, reduction.name)
  if (verbose) say_result(result, cluster.name, reduction.name, "Bioconductor")
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
    layers = function(name) SummarizedExperiment::assayNames(experiment(name)),
    types = function(name, layer) unique(experiment_types(experiment(name))),
    counts = function(name, layer, features, check.counts, type = NA) {
      experiment_counts(experiment(name), name, layer, features, check.counts, cells, type)
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

# The type of each feature, where those of several are together (as DropletUtils reads 10x files).
experiment_types <- function(from) {
  about <- SummarizedExperiment::rowData(from)
  for (column in intersect(c("feature_types", "Type", "type", "feature_type"), colnames(about))) {
    types <- as.character(about[[column]])
    if (!anyNA(types) && sum(modality_kinds %in% kind_of_type(unique(types))) > 1) {
      return(types)
    }
  }
  NULL
}

experiment_counts <- function(from, name, layer, features, check.counts, cells, type = NA) {
  there <- SummarizedExperiment::assayNames(from)
  if (!layer %in% there || any(dim(from) == 0)) {
    smart_abort(c(
      "Experiment {.val {name}} has no assay {.val {layer}}, or an empty one.",
      did_you_mean(layer, there),
      "i" = "Its assays are {.val {there}}. If one of these holds the raw counts, name it:
             {.code layer = \"...\"}."
    ))
  }
  counts <- SummarizedExperiment::assay(from, layer)
  if (is.null(rownames(counts))) {
    rownames(counts) <- paste0("feature", seq_len(nrow(counts)))
  }
  colnames(counts) <- cells
  if (!is.na(type)) counts <- counts[experiment_types(from) == type, , drop = FALSE]
  features <- features_of_type(features, rownames(counts), type)
  join_parts(stats::setNames(list(counts), layer), name, features, check.counts)
}
