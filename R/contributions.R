# What each modality contributes to the embedding: columns of the metadata, so that they follow the
# cells of the object and every function that takes such columns can draw them.

# Names of columns begin with that of the reduction; Bioconductor's "SMART" is that of Seurat.
column_stem <- function(reduction.name) if (reduction.name == "SMART") "smart" else reduction.name

default_cluster_name <- function(reduction.name) paste0(column_stem(reduction.name), "_clusters")

contribution_prefix <- function(reduction.name) {
  make.names(paste0(column_stem(reduction.name), ".contribution."))
}

# Contributions (cells x modalities) as columns for `cells`, NA for those that were left out.
contribution_columns <- function(contributions, cells, reduction.name) {
  at <- match(cells, rownames(contributions))
  columns <- as.data.frame(contributions[at, , drop = FALSE], row.names = cells)
  # A modality that was not measured in a cell contributes nothing that could be known.
  columns[] <- lapply(columns, function(x) ifelse(is.nan(x), NA, x))
  names(columns) <- make.names(paste0(contribution_prefix(reduction.name), names(columns)))
  columns
}

# Of the columns of the metadata those with contributions.
find_contribution_columns <- function(columns, reduction.name) {
  columns[startsWith(columns, contribution_prefix(reduction.name))]
}

#' Plot what each modality contributes to the embedding
#'
#' For each cell and modality: the correlation of the cell's distances to others in the modality
#' (its principal components) with those in the embedding. The higher it is in a cluster, the more
#' the modality shapes the place of that cluster in the embedding (as in the paper).
#'
#' The numbers are columns of the metadata, such as `smart.contribution.rna` and
#' `smart.contribution.protein` (for another `reduction.name` they begin with that). Other functions
#' can draw them, too: `VlnPlot(object, "smart.contribution.rna")` or
#' `SpatialFeaturePlot(object, "smart.contribution.rna")`. A cell in which a modality was not measured
#' has `NA`.
#'
#' @inheritParams SMARTLossPlot
#' @param group.by What to group cells by: a column of the metadata, `"ident"` for the identities of a
#'   Seurat object, or one value for each cell, in their order or named by cell. `NULL`: the clusters
#'   of this reduction; where there are none, no groups.
#'
#' @return A ggplot.
#' @references
#' Du et al. (2026). SMART: spatial multi-omic aggregation using graph neural networks and metric
#' learning. Nature Communications 17, 2876. \doi{10.1038/s41467-026-70821-5}
#' @concept visualization
#' @export
#' @examples
#' # It needs Python and the core: see install_smartcore().
#' if (requireNamespace("Seurat", quietly = TRUE) && has_smartcore()) {
#'   object <- RunSMART(SimulateSMART(), n.clusters = 4)
#'   SMARTContributionPlot(object)
#'   SMARTContributionPlot(object, group.by = "domain")
#'   Seurat::VlnPlot(object, "smart.contribution.protein")
#' }
SMARTContributionPlot <- function(object, group.by = NULL, reduction = NULL) {
  rlang::check_installed("ggplot2", "to plot.")
  fn <- "SMARTContributionPlot"
  found <- find_contributions(object, reduction, fn)
  groups <- find_groups(object, group.by, found, fn)
  modalities <- colnames(found$values)
  long <- data.frame(
    group = rep(groups, length(modalities)),
    modality = factor(rep(modalities, each = nrow(found$values)), modalities),
    correlation = as.vector(found$values)
  )
  # Cells that a modality lacks. Those without a group are one of their own.
  long <- long[!is.na(long$correlation), ]
  title <- if (is.null(group.by) || identical(group.by, "ident")) {
    "Cluster"
  } else if (rlang::is_string(group.by)) {
    group.by
  } else {
    "Group"
  }
  ggplot2::ggplot(long, ggplot2::aes(.data$group, .data$correlation, fill = .data$modality)) +
    ggplot2::geom_boxplot(outlier.size = 0.4, linewidth = 0.3) +
    ggplot2::scale_fill_manual(values = modality_colours(modalities)) +
    ggplot2::labs(
      x = if (nlevels(groups) > 1 || !identical(levels(groups), "")) title,
      y = "Correlation with the embedding", fill = "Modality"
    ) +
    plain_theme()
}

# `values` (cells x modalities); `meta`, the metadata of the same cells; and `clusters`, the name of the
# column of clusters to group them by, or NULL. `cells` are all of the object, `kept` those with values.
find_contributions <- function(object, reduction, fn) {
  if (inherits(object, "SMARTResult")) {
    if (is.null(object$contributions)) only_clusters(fn)
    meta <- data.frame(row.names = rownames(object$embedding))
    meta$clusters <- object$clusters
    clusters <- if (!is.null(object$clusters)) "clusters"
    cells <- rownames(object$embedding)
    return(list(
      values = object$contributions, meta = meta, cells = cells, kept = rep(TRUE, length(cells)),
      clusters = clusters
    ))
  }
  reductions <- reductions_in(object, reduction, fn)
  reduction <- reductions$name
  if (inherits(object, "Seurat")) {
    meta <- object[[]]
    meta$ident <- SeuratObject::Idents(object)
  } else {
    meta <- plain_columns(SummarizedExperiment::colData(object), cell_names(object))
  }
  check_name(reduction, "reduction", fn)
  columns <- find_contribution_columns(names(meta), reduction)
  if (length(columns) == 0) {
    check_embedding_name(reduction, reductions$there, fn)
    prefix <- contribution_prefix(reduction)
    smart_abort(c(
      "The metadata has no column whose name begins with {.val {prefix}}: the contributions to the
       reduction {.val {reduction}}.",
      "i" = if (is_smart_record(reductions$read(reduction))) {
        "{.fn RunSMART} of this version makes them: run it again."
      } else {
        "{.fn RunSMART} makes them, and this is no reduction of SMART."
      }
    ), fn = fn)
  }
  values <- as.matrix(meta[columns])
  colnames(values) <- substring(columns, nchar(contribution_prefix(reduction)) + 1)
  # Cells that are not in the embedding have none.
  kept <- rowSums(!is.na(values)) > 0
  # merge() drops the record, and the columns stay.
  recorded <- if (reduction %in% reductions$there) reductions$read(reduction)
  known <- if (is_smart_record(recorded)) {
    names(recorded$clustering)
  } else {
    default_cluster_name(reduction)
  }
  list(
    values = values[kept, , drop = FALSE], meta = meta[kept, , drop = FALSE],
    cells = rownames(meta), kept = kept, clusters = utils::head(intersect(known, names(meta)), 1)
  )
}

# A factor with the group of each cell of `found`.
find_groups <- function(object, group.by, found, fn) {
  meta <- found$meta
  n <- length(found$cells)
  group.by <- group.by %||% found$clusters
  groups <- if (length(group.by) == 0) {
    rep("", nrow(meta))
  } else if (rlang::is_string(group.by) && group.by %in% names(meta)) {
    meta[[group.by]]
  } else if (is.atomic(group.by) && length(group.by) == n) {
    named <- !is.null(names(group.by))
    if (named && !setequal(names(group.by), found$cells)) {
      smart_abort(c(
        "{.arg group.by} has names, and they are not those of the cells.",
        "i" = "{.code unname(group.by)} takes the values in the order of the cells."
      ), fn = fn)
    }
    group.by[if (named) found$cells[found$kept] else which(found$kept)]
  } else {
    smart_abort(c(
      "{.arg group.by} must be a column of the metadata, or one value for each of the {n} cells.",
      "x" = if (rlang::is_string(group.by)) "There is no column {.val {group.by}}.",
      "i" = "Columns: {.val {names(meta)}}."
    ), fn = fn)
  }
  droplevels(as.factor(groups))
}
