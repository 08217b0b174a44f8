#' @rdname RunSMART
#' @method RunSMART Seurat
#' @export
RunSMART.Seurat <- function(
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
    reduction.name = "smart",
    reduction.key = "SMART_",
    check.counts = TRUE,
    in.tissue = TRUE,
    checkpoint = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  check_valid(object)
  key <- if (!missing(reduction.key) || identical(reduction.name, "smart")) reduction.key
  reduction.key <- check_reduction_name(object, reduction.name, key)
  cluster.name <- cluster.name %||% default_cluster_name(reduction.name)
  wanted <- wanted_clusters(n.clusters, resolution, cluster.method, ncol(object), "RunSMART")
  check_cluster_name(object, cluster.name, columns = clustering_names(wanted, cluster.name))
  checkpoint <- check_checkpoint(checkpoint)
  dots <- list(...)
  own <- names(formals())
  inputs <- collect(
    read_seurat(object),
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
  object <- keeping_results({
    object <- store_seurat(object, result, inputs, reduction.name, reduction.key)
    store_domains(object, result, cluster.name, reduction.name)
  })
  if (verbose) say_result(result, cluster.name, reduction.name, "Seurat")
  params <- c(mget(setdiff(names(formals()), c("object", "..."))), list(...))
  log_command(object, smart_command(
    match.call(expand.dots = TRUE), params, first_assay(object, inputs$about$assay),
    if (reduction.name != "smart") reduction.name
  ))
}

# The core on what was collected, and clusters where they are asked for.
run_inputs <- function(inputs, wanted, cluster.name, seed.use, check.counts, checkpoint, verbose,
                       ...) {
  settings <- list(...)
  settings <- by_modality(settings, inputs$plan %||% with_names(inputs$about))
  if (length(inputs$chosen) && !any(c("n.features", "n_features") %in% names(settings))) {
    # Features that the user chose are used, all of them.
    settings$n.features <- stats::setNames(rep(list(Inf), length(inputs$chosen)), inputs$chosen)
  }
  result <- rlang::inject(run_core(
    inputs$modalities,
    coords = inputs$coords,
    sections = inputs$sections,
    batches = inputs$batches,
    seed.use = seed.use,
    check.counts = check.counts,
    verbose = verbose,
    whole = if (isTRUE(inputs$whole)) inputs$about$assay,
    labels = modality_labels(inputs$about),
    checkpoint = checkpoint,
    !!!settings
  ))
  if (!is.null(wanted)) {
    found <- embedding_at_least(find_domains(
      result$embedding, wanted, cluster.name,
      seed.use = seed.use, verbose = verbose, fn = "RunSMART"
    ))
    result[names(found)] <- found
  }
  result
}

# Clusters; where they fail the embedding is not lost, and NULL comes with a warning.
embedding_at_least <- function(code) {
  tryCatch(code, error = function(cnd) {
    keeping_results(smart_warn(c(
      "The embedding is there, but no clusters: {conditionMessage(cnd)}",
      "i" = "{.fn FindSMARTClusters} finds them by other settings, without training again."
    )))
    NULL
  })
}

read_seurat <- function(object) {
  assay <- function(name) object[[name]]
  list(
    cells = colnames(object),
    # Before version 5 a reduction is of all cells.
    whole = utils::packageVersion("SeuratObject") < "5",
    tissue = if ("in_tissue" %in% colnames(object[[]])) {
      "in_tissue == 1"
    } else {
      # The marks are those of images.
      paste(
        "cells = unlist(lapply(object@images,",
        "function(x) rownames(subset(x@coordinates, tissue == 1))))"
      )
    },
    off_tissue = function() {
      c(marked_outside(object[[]], colnames(object)), images_outside(object))
    },
    assays = SeuratObject::Assays(object),
    default = SeuratObject::DefaultAssay(object),
    describe = function(name) {
      list(classes = methods::is(assay(name)), features = rownames(assay(name)))
    },
    is_filled = function(name, layer) {
      length(match_layers(layer, filled_layers(assay(name)))) > 0
    },
    layers = function(name) filled_layers(assay(name)),
    types = function(name, layer) names(assay_types(assay(name), layer)),
    counts = function(name, layer, features, check.counts, type = NA) {
      assay_counts(assay(name), name, layer, features, check.counts, type)
    },
    reductions = SeuratObject::Reductions(object),
    embedding = function(name) SeuratObject::Embeddings(object[[name]]),
    assay_of = function(name) SeuratObject::DefaultAssay(object[[name]]) %||% NA_character_,
    places = function(coords, coord.cols, section.by, batch.by, verbose) {
      places_seurat(object, coords, coord.cols, section.by, batch.by, verbose)
    }
  )
}
