#' How numbers of clusters compare
#'
#' `SMARTClusterNumbers()` returns the table of criteria by which [ChooseSMARTClusters()], or
#' [RunSMART()] with several `n.clusters`, chose a number of clusters. `SMARTClusterNumberPlot()`
#' draws it: each criterion against the number of clusters, the number chosen marked.
#'
#' @param object What [ChooseSMARTClusters()] or [RunSMART()] returned: a Seurat object,
#'   SingleCellExperiment, or result for matrices. Of a list of objects any one has the table.
#' @param reduction Name of the reduction. `NULL`: the default of [RunSMART()].
#'
#' @return `SMARTClusterNumbers()`: a data frame with a row for each number; columns `n.clusters`,
#'   one for each criterion (`silhouette`, `davies.bouldin`, `stability`; see
#'   [ChooseSMARTClusters()]) and `rank`, the mean rank over them. Its attributes are `chosen`, the
#'   number that was chosen; `lower`, a named logical vector: whether lower is better, of each
#'   criterion; `method`; and `n.cells`, on how many cells the numbers were compared.
#'   `SMARTClusterNumberPlot()`: a ggplot.
#' @concept clustering
#' @export
#' @examples
#' # It needs Python and the core: see install_smartcore().
#' if (requireNamespace("Seurat", quietly = TRUE) && has_smartcore()) {
#'   object <- RunSMART(SimulateSMART(), n.clusters = 2:6)
#'   SMARTClusterNumbers(object)
#'   SMARTClusterNumberPlot(object)
#' }
SMARTClusterNumbers <- function(object, reduction = NULL) {
  find_comparison(object, reduction, "SMARTClusterNumbers")
}

#' @rdname SMARTClusterNumbers
#' @concept visualization
#' @export
SMARTClusterNumberPlot <- function(object, reduction = NULL) {
  rlang::check_installed("ggplot2", "to plot.")
  table <- find_comparison(object, reduction, "SMARTClusterNumberPlot")
  lower <- c(attr(table, "lower"), rank = TRUE)
  criteria <- names(lower)
  direction <- ifelse(lower, "lower is better", "higher is better")
  labels <- paste0(criterion_title(criteria), "\n", direction)
  long <- data.frame(
    n.clusters = rep(table$n.clusters, length(criteria)),
    criterion = factor(rep(labels, each = nrow(table)), labels),
    value = unlist(table[criteria], use.names = FALSE)
  )
  # Numbers that could not be compared.
  long <- long[!is.na(long$value), ]
  chosen <- attr(table, "chosen")
  ggplot2::ggplot(long, ggplot2::aes(.data$n.clusters, .data$value)) +
    ggplot2::geom_vline(xintercept = chosen, linetype = 2, colour = "#D55E00") +
    ggplot2::geom_line() +
    ggplot2::geom_point(size = 1) +
    ggplot2::geom_point(data = long[long$n.clusters == chosen, ], size = 2.5, colour = "#D55E00") +
    ggplot2::facet_wrap("criterion", scales = "free_y") +
    ggplot2::scale_x_continuous(breaks = whole_breaks) +
    ggplot2::labs(
      x = "Number of clusters", y = NULL,
      caption = paste0("Chosen: ", chosen, ", by the mean rank over all criteria.")
    ) +
    plain_theme()
}

# "davies.bouldin" is named after two people.
criterion_title <- function(names) {
  known <- c(davies.bouldin = "Davies-Bouldin index", rank = "Mean rank")
  titles <- gsub(".", " ", names, fixed = TRUE)
  titles <- paste0(toupper(substr(titles, 1, 1)), substring(titles, 2))
  ifelse(names %in% names(known), known[names], titles)
}

whole_breaks <- function(limits) {
  breaks <- pretty(limits, 6)
  breaks[breaks == round(breaks)]
}

find_comparison <- function(object, reduction, fn) {
  table <- kept_with(object, reduction, fn)$n.clusters
  if (is.null(table)) {
    smart_abort(c(
      "No numbers of clusters were compared.",
      "i" = "{.code ChooseSMARTClusters(object, n.clusters = 2:15)} does it, and keeps the table."
    ), fn = fn)
  }
  table
}
