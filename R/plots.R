#' Plot the losses of a training
#'
#' Losses against epochs: the total, the reconstruction and the triplets, and the last two for
#' each modality. A training that ended well hardly falls any more. By default nothing is trained,
#' since the weights of the network are found in closed form, and there are no losses;
#' `RunSMART(object, epochs = 50)` trains it.
#'
#' @param object What [RunSMART()] returned: a Seurat object, SingleCellExperiment, or result for
#'   matrices.
#' @param reduction Name of the reduction. `NULL`: the default of [RunSMART()].
#' @param log.scale Losses on a logarithmic scale. Losses of 0 are then left out.
#'
#' @return A ggplot.
#' @concept visualization
#' @export
#' @examples
#' # It needs Python and the core: see install_smartcore().
#' if (requireNamespace("Seurat", quietly = TRUE) && has_smartcore()) {
#'   object <- RunSMART(SimulateSMART(), epochs = 50)
#'   SMARTLossPlot(object)
#' }
SMARTLossPlot <- function(object, reduction = NULL, log.scale = FALSE) {
  rlang::check_installed("ggplot2", "to plot.")
  history <- find_record(object, reduction, "SMARTLossPlot")$history
  if (!nrow(history)) {
    smart_abort(c(
      "There are no losses to plot, because nothing was trained.",
      "i" = "By default the weights of the network are found in closed form.
        {.code RunSMART(..., epochs = 50)} trains it."
    ), fn = "SMARTLossPlot")
  }
  terms <- setdiff(names(history), "epoch")
  long <- data.frame(
    epoch = rep(history$epoch, length(terms)),
    term = rep(terms, each = nrow(history)),
    loss = unlist(history[terms], use.names = FALSE)
  )
  kind <- sub("_.*$", "", long$term)
  long$kind <- factor(kind, c("total", "reconstruction", "triplet"))
  long$of <- ifelse(long$term == kind, "all", sub("^[a-z]+_", "", long$term))
  long$of <- factor(long$of, unique(long$of))
  if (log.scale) long <- long[long$loss > 0, ]
  plot <- ggplot2::ggplot(long, ggplot2::aes(.data$epoch, .data$loss, colour = .data$of)) +
    ggplot2::geom_line() +
    ggplot2::facet_wrap("kind", scales = "free_y") +
    ggplot2::scale_colour_manual(values = modality_colours(levels(long$of))) +
    ggplot2::labs(x = "Epoch", y = "Loss", colour = "Modality") +
    plain_theme()
  if (log.scale) plot + ggplot2::scale_y_log10() else plot
}

#' Plot how widely cells are averaged
#'
#' Before the embedding, each modality is averaged over the surroundings of each cell, as widely as
#' its data ask for. The plot shows what this was chosen by: the error to be expected of averages
#' of different width, from none (0) to several steps from neighbour to neighbour. Narrow averages
#' err by noise, wide ones by what they blur; a dot marks the width of least error. What is chosen
#' for each direction of a modality differs about it, and is in `directions` beside `scales`.
#'
#' @inheritParams SMARTLossPlot
#'
#' @return A ggplot. Its data are the data frame `scales` that [RunSMART()] leaves with the result
#'   (in the `Misc()` of a reduction): `modality`; `reach`, the width of the average in steps
#'   between neighbours; and `error`, the expected squared error as a share of the variance that
#'   is continuous in space. It has no rows, and there is nothing to plot, where cells were not
#'   averaged in this way: with `regions = 0`, `n.neighbors = 0`, presets other than `"robust"`,
#'   and where nothing varies in space.
#' @concept visualization
#' @export
#' @examples
#' # It needs Python and the core: see install_smartcore().
#' if (requireNamespace("Seurat", quietly = TRUE) && has_smartcore()) {
#'   object <- RunSMART(SimulateSMART())
#'   SMARTScalePlot(object)
#' }
SMARTScalePlot <- function(object, reduction = NULL) {
  rlang::check_installed("ggplot2", "to plot.")
  fn <- "SMARTScalePlot"
  scales <- find_record(object, reduction, fn)$scales
  if (is.null(scales)) {
    smart_abort(c(
      "The result is of an older version, which did not choose how widely to average.",
      "i" = "Run {.fn RunSMART} again."
    ), fn = fn)
  }
  if (nrow(scales) == 0) {
    smart_abort(c(
      "There is nothing to plot: cells were not averaged over widths found from the data.",
      "i" = "They are with {.code preset = \"robust\"}, {.arg regions} above 0, neighbours, and data
             that vary in space."
    ), fn = fn)
  }
  scales$modality <- factor(scales$modality, unique(scales$modality))
  least <- do.call(rbind, lapply(split(scales, scales$modality), function(one) {
    one[which.min(one$error), ]
  }))
  ggplot2::ggplot(scales, ggplot2::aes(.data$reach, .data$error, colour = .data$modality)) +
    ggplot2::geom_line() +
    ggplot2::geom_point(data = least, size = 2.5) +
    ggplot2::scale_colour_manual(values = modality_colours(levels(scales$modality))) +
    ggplot2::expand_limits(y = 0) +
    ggplot2::labs(
      x = "Width of the average (neighbour distances)", y = "Expected error", colour = "Modality"
    ) +
    plain_theme()
}

# Okabe and Ito's colours, told apart by nearly everyone; black for all modalities together.
modality_colours <- function(names) {
  own <- c("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
  modalities <- setdiff(names, "all")
  c(all = "black", stats::setNames(rep_len(own, length(modalities)), modalities))[names]
}

plain_theme <- function() {
  ggplot2::theme_bw() + ggplot2::theme(
    panel.grid.minor = ggplot2::element_blank(),
    strip.background = ggplot2::element_blank()
  )
}
