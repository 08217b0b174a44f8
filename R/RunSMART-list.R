#' @rdname RunSMART
#' @method RunSMART list
#' @export
RunSMART.list <- function(object, ..., merge = FALSE, section.name = "section") {
  is_object <- vapply(object, function(x) inherits(x, c("Seurat", "SingleCellExperiment")), NA)
  if (!any(is_object)) {
    # Matrices, one for each modality.
    return(NextMethod())
  }
  # All of one kind, or an error.
  usual_reduction(object, "RunSMART")
  check_flag(merge, "merge", "RunSMART")
  if (!merge) {
    if (!missing(section.name)) {
      smart_abort(c(
        "{.arg section.name} names a column of the merged object.",
        "i" = "Add {.code merge = TRUE} to get one."
      ))
    }
    return(run_sections(object, ...))
  }
  check_mergeable(object, section.name, "RunSMART")
  merge_at_least(run_sections(object, ...), section.name, list(...))
}

# One object; where merging fails the embedding is not lost, and the list comes with a warning.
merge_at_least <- function(sections, section.name, given) {
  # What fails before is no failure to merge.
  force(sections)
  tryCatch(
    {
      reduction <- given[["reduction.name"]]
      clusterings <- names(find_record(sections[[1]], reduction, "SMARTMerge")$clustering)
      name <- given[["cluster.name"]]
      SMARTMerge(
        sections,
        reduction = reduction,
        cluster.name = if (!is.null(name) && name %in% clusterings) name,
        section.name = section.name,
        verbose = given[["verbose"]] %||% TRUE
      )
    },
    error = function(cnd) {
      keeping_results(smart_warn(c(
        "The embedding is there, but the objects could not be merged, and are returned as a list:
         {conditionMessage(cnd)}",
        "i" = "{.fn SMARTMerge} merges them once that is mended, without training again."
      )))
      sections
    }
  )
}

# Objects of one section each, embedded together.
run_sections <- function(
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
    reduction.name = NULL,
    reduction.key = NULL,
    check.counts = TRUE,
    in.tissue = TRUE,
    checkpoint = NULL,
    seed.use = 42,
    verbose = TRUE,
    ...) {
  names <- section_names(object)
  reduction.name <- reduction.name %||% usual_reduction(object, "RunSMART")
  check_name(reduction.name, "reduction.name")
  cluster.name <- cluster.name %||% default_cluster_name(reduction.name)
  n <- sum(vapply(object, ncol, 1))
  wanted <- wanted_clusters(n.clusters, resolution, cluster.method, n, "RunSMART")
  checkpoint <- check_checkpoint(checkpoint)
  given <- section_coords(coords, names)
  batch <- section_batches(batch.by, names)
  in_section <- function(i, code) {
    rlang::try_fetch(
      code,
      error = function(cnd) smart_abort("Section {.val {names[i]}}:", parent = cnd)
    )
  }
  plans <- lapply(seq_along(object), function(i) {
    in_section(i, check_valid(object[[i]]))
    assays <- in_section(i, section_assays(object[[i]], assays, object))
    in_section(i, plan_inputs(reader_of(object[[i]]), assays, modalities, layer, reduction))
  })
  check_settings(
    list(...), c(names(formals()), "merge", "section.name"), do.call(rbind, plans), seed.use,
    check.counts, verbose
  )
  parts <- lapply(seq_along(object), function(i) {
    in_section(
      i,
      collect(
        reader_of(object[[i]]),
        plan = plans[[i]], features = features, dims = dims,
        coords = given[[i]], coord.cols = coord.cols, section.by = section.by,
        batch.by = batch$column, check.counts = check.counts, in.tissue = in.tissue,
        verbose = FALSE
      )
    )
  })
  # Where results go is looked at before anything is computed.
  finish <- lapply(object, finisher, reduction.name, reduction.key, cluster.name)
  if (!is.null(batch$values)) {
    parts <- Map(function(part, value) {
      cells <- rownames(part$coords)
      part$batches <- stats::setNames(rep(value, length(cells)), cells)
      part
    }, parts, batch$values)
  }
  inputs <- combine_sections(parts, names)
  inputs$plan <- do.call(rbind, plans)
  inputs$whole <- any(vapply(parts, function(part) isTRUE(part$whole), NA))
  if (verbose) {
    say_modalities(inputs$about)
    if (!is.null(inputs$sections)) {
      smart_inform(c("i" = "Sections: {.val {unique(inputs$sections)}}."))
    }
    if (!is.null(inputs$batches)) {
      smart_inform(c("i" = "Batches: {.val {unique(inputs$batches)}}."))
    }
    say_missing(inputs$about, nrow(inputs$coords))
  }
  result <- run_inputs(
    inputs, wanted, cluster.name, seed.use, check.counts, checkpoint, verbose, ...
  )
  params <- c(mget(setdiff(names(formals()), c("object", "..."))), list(...))
  for (i in seq_along(object)) {
    part <- section_of_result(result, names[i], rownames(parts[[i]]$coords))
    object[[i]] <- keeping_results(finish[[i]](object[[i]], part, inputs, params))
  }
  if (verbose) say_result(result, cluster.name, reduction.name, "list")
  object
}

reader_of <- function(x) if (inherits(x, "Seurat")) read_seurat(x) else read_sce(x)

# How results go into an object, its names checked.
finisher <- function(x, reduction.name, reduction.key, cluster.name) {
  if (inherits(x, "Seurat")) {
    key <- check_reduction_name(x, reduction.name, reduction.key)
    check_cluster_name(x, cluster.name)
    return(function(x, result, inputs, params) {
      x <- store_seurat(x, result, inputs, reduction.name, key)
      x <- store_domains(x, result, cluster.name, reduction.name)
      log_command(x, smart_command(
        quote(RunSMART(sections)), params, first_assay(x, inputs$about$assay),
        if (reduction.name != "smart") reduction.name
      ))
    })
  }
  check_reduced_dim_name(x, reduction.name)
  check_cluster_name(x, cluster.name)
  function(x, result, inputs, params) {
    cells <- cell_names(x)
    x <- store_sce(x, result, inputs, reduction.name, reduction.key %||% "SMART_", cells)
    store_domains_sce(x, result, cluster.name, cells, reduction.name)
  }
}
